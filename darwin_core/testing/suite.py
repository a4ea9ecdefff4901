"""What every plugin owes, whatever its kind: the base of the conformance suites."""

from __future__ import annotations

import inspect
import sys
import unittest
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from darwin_core import protocols
from darwin_core.errors import ConfigError, PluginError
from darwin_core.plugins import HOOKS, Plugins
from darwin_core.testing.compare import check, differences, digest
from darwin_core.testing.fake import fake_options
from darwin_core.testing.surroundings import HEAVY, clocks_moved, in_another_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Case = TypeVar("Case", bound=Callable[..., None])

_UNKNOWN = "no_such_option"


def departs(reason: str) -> Callable[[Case], Case]:
    """Mark a test that replaces a standard case, and say why the plugin departs from it."""
    check(reason.strip(), "departs() needs a reason: the people who use the plugin will read it")

    def mark(case: Case) -> Case:
        case.departs = reason  # type: ignore[attr-defined]
        return case

    return mark


class PluginTests:
    """Cases for a plugin of any kind.

    Attributes
    ----------
    use
        The plugin as a deployment names it: an installed name, or ``./file.py`` beside the test's file (``../`` works).
    options
        Its options as they would stand in the deployment.
    """

    use: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}
    kind: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Refuse to let a suite switch off the case that finds switched-off cases."""
        super().__init_subclass__()
        name = "test_standard_cases_are_not_replaced_in_silence"
        if name in cls.__dict__:
            msg = f"{cls.__name__}: {name} cannot be replaced; mark what you replace with @departs('why')"
            raise TypeError(msg)

    @classmethod
    def home(cls) -> Path:
        """Return the folder of the test's file."""
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        return Path(file).resolve().parent if file else Path.cwd()

    def make(self, changes: Mapping[str, Any] | None = None, folder: Path | None = None) -> Any:
        """Make a fresh component, with some options changed; relative paths in options begin in `folder`."""
        check(self.use, f'{type(self).__name__}: say which plugin is tested: use = "NAME" or use = "./file.py"')
        options = fake_options({**self.options, **(changes or {})}, folder or self.home())
        component, _ = self._make(options)
        return component

    def _make(self, options: Any) -> tuple[Any, Any]:
        where = options.source.at(options.key)
        hook = f"make_{self.kind}"
        return Plugins(self.home()).make(hook, self.kind, self.use, where, options=options, **self.also())

    def also(self) -> dict[str, Any]:
        """Return what the core hands to the hook beside the options."""
        return {}

    def test_standard_cases_are_not_replaced_in_silence(self) -> None:
        """P1: a standard case stands as it is, or says why not.

        When it fails: rename your test, so that it runs beside the standard one; or, if the plugin must depart from
        the contract, decorate it with ``@departs("why")``.
        """
        for name, standard in _standard_cases(type(self)).items():
            own = inspect.getattr_static(type(self), name)
            check(
                own is standard or getattr(own, "departs", ""),
                f"{type(self).__name__}.{name} replaces the standard case without a reason: "
                "rename it, or decorate it with @departs('why')",
            )

    def test_imports_nothing_heavy(self) -> None:
        """P2: naming the plugin costs nothing: its module imports no heavy library.

        When it fails: move ``import pandas`` and the like from the top of the module into the functions that need
        them, or into a module that the hook imports when it is called.
        """
        found = _elsewhere(*self._address())["heavy"]
        check(not found, f"importing plugin {self.use!r} imports {', '.join(found)}; import them inside the functions")

    def test_refuses_unknown_options(self) -> None:
        """P3: a misspelt option is refused, with the place in the file and the nearest right name.

        When it fails: let the hook make its component by ``options.into(YourClass)``, where YourClass is a frozen
        attrs class with one field for each option (none is fine: an empty class).
        """
        options = fake_options(self.options, self.home())
        _UntilMade.make(self, options)
        known = next(iter(options.resolved), "")
        wrong = known[:-1] + known[-1] * 2 if len(known) > 2 else _UNKNOWN
        bad = fake_options({**self.options, wrong: 1}, self.home())
        try:
            self._make(bad)
        except ConfigError as error:
            text = str(error)
        else:
            raise AssertionError(f"plugin {self.use!r} takes the unknown option {wrong!r} in silence")
        line = bad.source.at((*bad.key, wrong))
        check(line in text, f"the error does not say where the option stands ({line}): {text}")
        hint = f"did you mean {known!r}" if wrong != _UNKNOWN else "known: " if known else "there is none"
        check(hint in text, f"the error offers no right name ({hint!r} is expected): {text}")

    def test_hooks_are_well_formed(self) -> None:
        """P4: the hooks have the names and arguments of the contract, and no defaults.

        When it fails: compare the functions marked with ``@hookimpl`` with ``darwin_core.hooks``: spell them the
        same, take only arguments that stand there, give none of them a default value.
        """
        try:
            module = Plugins(self.home()).load(self.use, "conformance")
        except PluginError as error:
            raise AssertionError(str(error)) from error
        for name, function in vars(module).items():
            if hasattr(function, "darwin_impl"):
                check(name in HOOKS, f"{name} is marked as a hook, and there is no such hook")
                defaults = [p.name for p in inspect.signature(function).parameters.values() if p.default is not p.empty]
                check(not defaults, f"{name} gives {', '.join(defaults)} a default; the core passes every argument")

    def test_has_what_its_protocol_asks(self, tmp_path: Path) -> None:
        """P5: the component has every attribute and method of its kind's protocol.

        When it fails: look up the protocol in ``darwin_core.protocols`` and add what is missing.
        """
        component = self.fresh(tmp_path)
        protocol = getattr(protocols, self.kind.capitalize())
        wanted = [name for name in vars(protocol) if not name.startswith("_")]
        missing = [name for name in wanted if not hasattr(component, name)]
        check(not missing, f"{type(component).__name__} lacks {', '.join(missing)} of the {protocol.__name__} protocol")

    def fresh(self, folder: Path) -> Any:  # noqa: ARG002 - feeds put their files into it
        """Return a fresh component; `folder` is empty and the test's own."""
        return self.make()

    def _address(self) -> tuple[str, str, str, Path]:
        file = getattr(sys.modules.get(type(self).__module__), "__file__", None) or ""
        return file, type(self).__qualname__, self.use, self.home()

    def says(self, folder: Path) -> dict[str, NDArray[Any]]:
        """Return everything that a fresh component says about the sample data, by name."""
        raise NotImplementedError


class ComponentTests(PluginTests):
    """Cases for a component whose answers can be compared: the same question gets the same answer."""

    def test_says_the_same_when_made_again(self, tmp_path: Path) -> None:
        """D1: two components made from the same options and seed say the same, bit for bit.

        When it fails: draw random numbers from ``numpy.random.default_rng(seed)`` with a seed of the options (for
        agents: the hook's `seed`), made anew at each call, never from ``numpy.random.*`` or `random`.
        """
        found = differences(self.says(tmp_path), self.says(tmp_path))
        check(not found, f"made twice from the same options and seed: {found}")

    def test_leaves_global_randomness_alone(self, tmp_path: Path) -> None:
        """D2: the component neither draws from nor seeds the generators that all code shares.

        When it fails: as D1; a generator of your own disturbs nobody.
        """
        import random

        before = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002 - it is what is watched
        self.says(tmp_path)
        after = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002
        check(
            repr(before) == repr(after), "it uses or seeds the shared random generators of `random` or `numpy.random`"
        )

    def test_reads_no_clock(self, tmp_path: Path) -> None:
        """D3: what the component says does not depend on the date of the machine.

        When it fails: take times from the bars (`bars.time`, `observation.time`) instead of `time` or `datetime`.
        """
        now = self.says(tmp_path)
        with clocks_moved(days=401):
            later = self.says(tmp_path)
        found = differences(now, later)
        check(not found, f"the same data, with clocks 401 days ahead: {found}")

    def test_says_the_same_in_another_process(self, tmp_path: Path) -> None:
        """D4: another process, with another hash seed, says the same.

        When it fails: do not let results depend on `hash()` of text, on the order of a set, on environment
        variables or on the working folder; `zlib.crc32` and `sorted` do not change.
        """
        here = digest(self.says(tmp_path))
        there = _elsewhere(*self._address())
        check(not there["error"], f"what works here fails in another process:\n{there['error']}")
        if not there["digest"]:
            raise unittest.SkipTest("the suite is not a class at the top level of a file: no process can import it")
        check(here == there["digest"], "another process, with another hash seed, says something else")


class _UntilMade:
    """Makes a component of which only the options matter: a missing data file is no fault here."""

    @staticmethod
    def make(tests: PluginTests, options: Any) -> None:
        try:
            tests._make(options)
        except ConfigError as error:
            if not options.resolved:
                raise AssertionError(f"the options of the suite are refused: {error}") from error
        except PluginError as error:
            if not options.resolved:
                raise AssertionError(str(error)) from error
        except Exception:  # the component refuses its data, after its options have been read
            if not options.resolved:
                raise


def _standard_cases(suite: type) -> dict[str, Any]:
    """Return the cases of the standard classes that a suite inherits from."""
    found: dict[str, Any] = {}
    for base in reversed(suite.__mro__):
        if base.__module__.startswith("darwin_core.testing."):
            found.update({name: case for name, case in vars(base).items() if name.startswith("test_")})
    return found


_ELSEWHERE = "from darwin_core.testing.elsewhere import main; import sys; main(*sys.argv[1:])"


@lru_cache(maxsize=64)
def _elsewhere(file: str, suite: str, use: str, home: Path) -> dict[str, Any]:
    """Import the plugin, then ask the suite's component, in another process."""
    import json

    result: dict[str, Any] = json.loads(
        in_another_process(_ELSEWHERE, file, suite, use, str(home), ",".join(sorted(HEAVY)), folder=home).splitlines()[
            -1
        ]
    )
    return result
