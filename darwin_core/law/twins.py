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
import sys
import warnings
from enum import Enum
from functools import lru_cache
from operator import is_
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
_PLAIN = {*_ATOMS, *_MUTABLE, tuple}
_CODE = {FunctionType, ModuleType, type, property, staticmethod, classmethod}
"""Kinds of what modules and classes mostly hold: data for sure, and none for sure."""


@define(eq=False)
class Home:
    """Where the plugin of one package may remember something outside its instances, and what it did when first seen."""

    places: list[Place]
    _memories: list[dict[str, Any]] = field(init=False, repr=False)
    _copiers: list[dict[str, Callable[[Any], Any]]] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Copy what is remembered, and find out once what of it has to be copied."""
        self._memories = [place.read() for place in self.places]
        self._copiers = [
            {name: copier for name, value in memory.items() if (copier := _copier(value))} for memory in self._memories
        ]
        self._memories = self.fresh()

    def fresh(self) -> list[dict[str, Any]]:
        """Return a copy of what was remembered at first, place by place."""
        return [
            {**memory, **{name: copier(memory[name]) for name, copier in copiers.items()}} if copiers else memory
            for memory, copiers in zip(self._memories, self._copiers, strict=True)
        ]


@define(eq=False)
class Origin:
    """A component as it was before its first call, which is never asked; twins are made of it."""

    _component: Any = field(repr=False)
    home: Home = field(repr=False)

    @classmethod
    def of(cls, component: Any, known: dict[str, Home]) -> Origin:
        """Copy a component; none of its plugin's has been asked anything since `known` was made, which keeps homes."""
        module = type(component).__module__
        package = module.rpartition(".")[0] or module
        if package not in known:
            known[package] = Home(places_of(package))
        return cls(_copy(component), known[package])

    def twin(self) -> Twin:
        """Return a twin that has not been asked anything yet."""
        return Twin(_copy(self._component), self.home.places, self.home.fresh())


@define(eq=False)
class Twin:
    """A copy of a component, with a copy of what its plugin's modules remember; asked inside ``with twin``."""

    component: Any
    _places: list[Place] = field(repr=False)
    _memories: list[dict[str, Any]] = field(repr=False)
    _others: list[dict[str, Any]] = field(factory=list, init=False, repr=False)
    _depth: int = field(default=0, init=False)

    def __enter__(self) -> Any:
        """Wake the twin, unless it is awake: its plugin's modules remember what it knows. Return the component."""
        if self._depth == 0:
            self._others = [place.read() for place in self._places]
            self._write(self._memories, self._others)
        self._depth += 1
        return self.component

    def __exit__(self, *_: object) -> None:
        """Let the modules remember what they did before."""
        self._depth -= 1
        if self._depth == 0:
            self._memories = [place.read() for place in self._places]
            self._write(self._others, self._memories)

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
        self._names = (
            ["__defaults__"]
            if function
            else [
                name
                for name, value in held.items()
                if type(value) not in _CODE and name[:2] != "__" and _is_data(value)
            ]
        )

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


@define(eq=False)
class Package:
    """What the modules of a package hold, for as long as they hold the same: it takes longer to find than to check.

    Parameters
    ----------
    places, caches
        Where something may be remembered, and the caches of its functions.
    """

    name: str
    places: list[Place] = field(factory=list, init=False)
    caches: list[Any] = field(factory=list, init=False)
    _loaded: int = field(init=False)
    _modules: dict[str, ModuleType] = field(init=False)
    _held: list[tuple[Mapping[str, Any], tuple[Any, ...]]] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        """Look the modules through."""
        self._loaded = len(sys.modules)
        inside = self.name + "."
        near = [name for name in list(sys.modules) if name.startswith(self.name)]
        self._modules = {name: sys.modules[name] for name in near if name == self.name or name.startswith(inside)}
        for module in self._modules.values():
            for value in self._add(module):
                if type(value) in _PLAIN or getattr(value, "__module__", None) != module.__name__:
                    continue
                if isinstance(value, type) and not issubclass(value, Enum):
                    self._add_functions(self._add(value))
                elif hasattr(value, "cache_clear"):
                    self.caches.append(value)
                else:
                    self._add_functions([value])

    def _add(self, holder: Any) -> tuple[Any, ...]:
        """Add a module or a class; return what it holds."""
        self.places.append(Place(holder))
        held = vars(holder)
        self._held.append((held, tuple(held.values())))
        return self._held[-1][1]

    def _add_functions(self, values: Iterable[Any]) -> None:
        self.places += [Place(value) for value in values if type(value) is FunctionType and _remembers(value)]

    def is_as_before(self) -> bool:
        """Whether all modules hold the very same objects."""
        return (
            self._loaded == len(sys.modules)
            and all(sys.modules.get(name) is module for name, module in self._modules.items())
            and all(len(held) == len(values) and all(map(is_, held.values(), values)) for held, values in self._held)
        )


_packages: dict[str, Package] = {}


def places_of(name: str) -> list[Place]:
    """Return where a plugin whose class is in package `name` may remember something, outside its instances."""
    if name.partition(".")[0] in _NEVER:
        return []
    package = _packages.get(name)
    if package is None or not package.is_as_before():
        package = _packages[name] = Package(name)
    for cache in package.caches:
        cache.cache_clear()  # never changes what a lawful function says
    return package.places


def _remembers(function: FunctionType) -> bool:
    """Whether a function has a mutable default, a memory that many do not expect."""
    defaults = function.__defaults__
    return defaults is not None and any(isinstance(default, _MUTABLE) for default in defaults)


def _is_data(value: Any) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return True
    if isinstance(value, ModuleType) or callable(value) or hasattr(kind, "__get__"):
        return False
    library = kind.__module__.partition(".")[0]
    return library in _DATA or library not in _NEVER


def _fresh(value: Any) -> Any:
    """Return a copy of data, sharing what does not change: a deep copy of a module's tables costs more than they do."""
    kind = type(value)
    if _is_settled(value):
        return value
    if kind is dict:
        return {key: _fresh(each) for key, each in value.items()}
    if kind in (list, tuple):
        return kind(_fresh(each) for each in value)
    return _copy(value)


def _copier(value: Any) -> Callable[[Any], Any] | None:
    """Return what copies data as `_fresh` does, or None where it would return the same."""
    kind = type(value)
    if _is_settled(value):
        return None
    if kind not in (dict, list, tuple) or any(map(_copier, value.values() if kind is dict else value)):
        return _fresh
    return None if kind is tuple else kind.copy


def _is_settled(value: Any) -> bool:
    """Whether data does not change."""
    kind = type(value)
    return kind in _ATOMS or callable(value) or _is_frozen(kind)  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
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
