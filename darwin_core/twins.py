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

_NEVER = {
    *sys.stdlib_module_names,
    "darwin_core",
    "attr",
    "attrs",
    "numba",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "scipy",
}
_DATA = {"array", "builtins", "collections", "datetime", "itertools", "numpy", "pandas", "polars", "random"}
_ATOMS = {bool, int, float, complex, str, bytes, type(None), frozenset}
_MUTABLE = (dict, list, set, bytearray)


@define(eq=False)
class Origin:
    """A component as it was before its first call, which is never asked; twins are made of it."""

    _component: Any = field(repr=False)
    _places: list[Place] = field(repr=False)
    _memories: list[dict[str, Any]] = field(repr=False)

    @classmethod
    def of(cls, component: Any, known: dict[str, list[Place]]) -> Origin:
        """Copy a component that has not been asked anything yet; `known` keeps the places of plugins seen before."""
        home = type(component).__module__
        package = home.rpartition(".")[0] or home
        if package not in known:
            known[package] = places_of(package)
        places = known[package]
        return cls(_copy(component), places, [_remembered(place.read()) for place in places])

    def twin(self) -> Twin:
        """Return a twin that has not been asked anything yet."""
        return Twin(_copy(self._component), self._places, [_remembered(memory) for memory in self._memories])


@define(eq=False)
class Twin:
    """A copy of a component, with a copy of what its plugin's modules remember."""

    component: Any
    _places: list[Place] = field(repr=False)
    _memories: list[dict[str, Any]] = field(repr=False)

    @contextmanager
    def awake(self) -> Iterator[Any]:
        """Let the plugin's modules remember what the twin knows, while it is asked."""
        others = [place.read() for place in self._places]
        self._write(self._memories, others)
        try:
            yield self.component
        finally:
            self._memories = [place.read() for place in self._places]
            self._write(others, self._memories)

    def _write(self, memories: list[dict[str, Any]], now: list[dict[str, Any]]) -> None:
        for place, memory, present in zip(self._places, memories, now, strict=True):
            if memory or present:
                place.write(memory, present)


@define(eq=False)
class Place:
    """Something that holds data by name: a module, a class, or a function with its defaults."""

    holder: Any
    _names: list[str] = field(init=False)
    _size: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Find the names of the data once: it is asked often, and names hardly ever come or go."""
        self._find()

    def _find(self) -> None:
        held = vars(self.holder)
        self._size = len(held)
        function = isinstance(self.holder, FunctionType)
        self._names = ["__defaults__"] if function else [n for n, value in held.items() if _is_data(n, value)]

    def read(self) -> dict[str, Any]:
        """Return what is remembered here."""
        if len(vars(self.holder)) != self._size:
            self._find()
        if not self._names:
            return {}
        if isinstance(self.holder, FunctionType):
            return {"__defaults__": self.holder.__defaults__}
        held = vars(self.holder)
        return {name: held[name] for name in self._names if name in held}

    def write(self, memory: dict[str, Any], now: dict[str, Any]) -> None:
        """Make `memory` what is remembered here, where `now` is."""
        for name in now.keys() - memory.keys():
            delattr(self.holder, name)
        for name, value in memory.items():
            if name not in now or now[name] is not value:
                setattr(self.holder, name, value)


def places_of(package: str) -> list[Place]:
    """Return where a plugin whose class is in `package` may remember something, outside its instances."""
    if package.partition(".")[0] in _NEVER:
        return []
    inside = package + "."
    modules = [sys.modules[name] for name in list(sys.modules) if name == package or name.startswith(inside)]
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


def _remembered(memory: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of what a place remembers."""
    return {name: _fresh(value) for name, value in memory.items()}


def _fresh(value: Any) -> Any:
    """Return a copy of data, sharing what does not change: a deep copy of a module's tables costs more than they do."""
    kind = type(value)
    if kind in _ATOMS or callable(value) or _is_frozen(kind):
        return value
    if kind is dict:
        return {key: _fresh(each) for key, each in value.items()}
    if kind in (list, tuple):
        return kind(_fresh(each) for each in value)
    return _copy(value)


def _is_frozen(kind: type) -> bool:
    """Whether instances of an attrs class or a dataclass refuse to be changed."""
    parameters = getattr(kind, "__dataclass_params__", None)
    frozen = parameters is not None and bool(parameters.frozen)
    return frozen or "_frozen_setattrs" in getattr(kind.__setattr__, "__name__", "")


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
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        for name in [*getattr(value, "__dict__", ()), *slots]:
            if hasattr(value, name) and name != "__weakref__":
                object.__setattr__(twin, name, _deep_or_same(getattr(value, name)))
    except Exception:  # noqa: BLE001 - then all of it is shared
        return value
    return twin


def _deep_or_same(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001
        return value
