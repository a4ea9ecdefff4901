"""Twins: components as they were before their first call, in a memory of their own.

The audit asks twins, never the components of the run. So it sees what a component remembers (the twin has other
memories), and the run goes on as if there were no audit.

What a plugin remembers by is its own attributes, and data that its modules and classes hold: a global counter, a
cache in a dictionary, a mutable default argument. A twin's attributes are copies; the others are exchanged for
copies while the twin is asked, and put back. What cannot be copied (a session of a native library, a lock) is
shared, as is the memory of closures and of other packages.
"""

from __future__ import annotations

import copy
import inspect
import sys
import warnings
from contextlib import contextmanager
from enum import Enum
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEVER = {*sys.stdlib_module_names, "darwin_core", "attr", "attrs", "numba", "numpy", "pandas", "polars", "pyarrow", "scipy"}
_DATA = {"array", "builtins", "collections", "datetime", "itertools", "numpy", "pandas", "polars", "random"}
_MUTABLE = (dict, list, set, bytearray)


@define(eq=False)
class Twin:
    """A copy of a component, and a copy of what its plugin's modules remember."""

    component: Any
    _pristine: Any = field(repr=False)
    _places: list[Place] = field(repr=False)
    _memories: list[dict[str, Any]] = field(repr=False)

    @classmethod
    def of(cls, component: Any) -> Twin:
        """Copy a component that has not been asked anything yet."""
        places = places_of(type(component))
        return cls(_copy(component), _copy(component), places, [place.copied(place.read()) for place in places])

    def sibling(self) -> Twin:
        """Return another twin that has not been asked anything yet."""
        memories = [p.copied(m) for p, m in zip(self._places, self._first, strict=True)]
        return Twin(_copy(self._pristine), self._pristine, self._places, memories)

    _first: list[dict[str, Any]] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Keep what the modules remembered at first."""
        self._first = [p.copied(m) for p, m in zip(self._places, self._memories, strict=True)]

    @contextmanager
    def awake(self) -> Iterator[Any]:
        """Let the twin's modules remember what the twin knows, while it is asked."""
        others = [place.read() for place in self._places]
        self._write(self._memories)
        try:
            yield self.component
        finally:
            self._memories = [place.read() for place in self._places]
            self._write(others)

    def _write(self, memories: list[dict[str, Any]]) -> None:
        for place, memory in zip(self._places, memories, strict=True):
            place.write(memory)


@define(eq=False)
class Place:
    """Something that holds data by name: a module, a class, or a function with its defaults."""

    holder: Any

    def read(self) -> dict[str, Any]:
        """Return what is remembered here."""
        if isinstance(self.holder, FunctionType):
            return {"__defaults__": self.holder.__defaults__}
        return {name: value for name, value in vars(self.holder).items() if _is_data(name, value)}

    def write(self, memory: dict[str, Any]) -> None:
        """Make `memory` what is remembered here."""
        for name in self.read().keys() - memory.keys():
            delattr(self.holder, name)
        for name, value in memory.items():
            if vars(self.holder).get(name, self) is not value:
                setattr(self.holder, name, value)

    def copied(self, memory: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of a memory."""
        return {name: _copy(value) for name, value in memory.items()}


def places_of(kind: type) -> list[Place]:
    """Return where a plugin of class `kind` may remember something, outside its instances."""
    home = kind.__module__
    if home.partition(".")[0] in _NEVER:
        return []
    package = home.rpartition(".")[0] or home
    modules = [m for name, m in list(sys.modules.items()) if m and (name == package or name.startswith(package + "."))]
    found: list[Place] = []
    for module in modules:
        found.append(Place(module))
        for value in list(vars(module).values()):
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(value):
                if issubclass(value, Enum):
                    continue
                found.append(Place(value))
                found += [Place(function) for function in vars(value).values() if _remembers(function)]
            elif _remembers(value):
                found.append(Place(value))
            elif hasattr(value, "cache_clear"):
                value.cache_clear()  # never changes what a lawful function says
    return found


def _remembers(function: Any) -> bool:
    """Whether a function has a mutable default, a memory that many do not expect."""
    return isinstance(function, FunctionType) and any(isinstance(d, _MUTABLE) for d in function.__defaults__ or ())


def _is_data(name: str, value: Any) -> bool:
    if name.startswith("__") or isinstance(value, ModuleType) or callable(value) or hasattr(type(value), "__get__"):
        return False
    library = type(value).__module__.partition(".")[0]
    return library in _DATA or library not in _NEVER


def _copy(value: Any) -> Any:
    """Return a deep copy; of what cannot be copied, one that shares as little as can be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return copy.deepcopy(value)
        except Exception:  # noqa: BLE001 - a lock, a session, a file: whatever refuses is shared
            return _by_attribute(value)


def _by_attribute(value: Any) -> Any:
    try:
        twin = copy.copy(value)
        names = [*getattr(value, "__dict__", ()), *(n for c in type(value).__mro__ for n in getattr(c, "__slots__", ()))]
        for name in names:
            if hasattr(value, name) and name != "__weakref__":
                try:
                    object.__setattr__(twin, name, copy.deepcopy(getattr(value, name)))
                except Exception:  # noqa: BLE001
                    continue
    except Exception:  # noqa: BLE001
        return value
    return twin
