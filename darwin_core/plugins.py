"""Find, load and ask plugins: only those that the deployment names, and with blame where blame is due."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from functools import partial
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pluggy
from attrs import define, field, frozen

from darwin_core import hooks
from darwin_core.errors import ConfigError, DarwinError, PluginError, did_you_mean

if TYPE_CHECKING:
    import argparse
    from types import ModuleType

    from darwin_core.options import Options

GROUP = "darwin"
_MARK = f"{hooks.PROJECT}_impl"
HOOKS = tuple(name for name, item in vars(hooks).items() if inspect.isfunction(item) and hasattr(item, "darwin_spec"))


@frozen
class Installed:
    """A plugin as its distribution's metadata describe it; nothing of it is imported."""

    name: str
    distribution: str
    version: str
    summary: str
    module: str
    needs: str | None
    entry: EntryPoint = field(repr=False, eq=False)

    def __str__(self) -> str:
        """Say which distribution and version this is."""
        return f"{self.distribution} {self.version}"


def installed() -> dict[str, Installed]:
    """Return every installed plugin by name, from metadata alone; two of one name are refused on use."""
    found: dict[str, Installed] = {}
    seen: set[str] = set()
    for dist in distributions():
        entries = [entry for entry in dist.entry_points if entry.group == GROUP]
        if not entries or dist.metadata["Name"] in seen:
            continue
        seen.add(dist.metadata["Name"])
        for entry in entries:
            plugin = _describe(entry, dist)
            if entry.name in found:
                plugin = _twins(found[entry.name], plugin)
            found[entry.name] = plugin
    return dict(sorted(found.items()))


def _describe(entry: EntryPoint, dist: Distribution) -> Installed:
    meta = dist.metadata
    summary = str(meta["Summary"]) if "Summary" in meta else ""
    return Installed(entry.name, meta["Name"], dist.version, summary, entry.module, _mismatch(dist), entry)


def _mismatch(dist: Distribution) -> str | None:
    """Return the requirement on darwin-core that the running one does not meet, if any."""
    needing = [text for text in dist.requires or () if text.lower().startswith(("darwin-core", "darwin_core"))]
    if not needing:
        return None
    from packaging.requirements import Requirement

    from darwin_core import __version__

    unmet = [text for text in needing if not Requirement(text).specifier.contains(__version__, prereleases=True)]
    return unmet[0] if unmet else None


def _twins(first: Installed, second: Installed) -> Installed:
    needs = f"a name of its own: {first} and {second} both call themselves {first.name!r}; uninstall one"
    return Installed(first.name, first.distribution, first.version, first.summary, first.module, needs, first.entry)


@frozen
class Owner:
    """Who made a component; stands in every error that the component causes."""

    kind: str
    name: str
    origin: str

    def __str__(self) -> str:
        """Name the component as the deployment and pip do."""
        return f"{self.kind} {self.name!r} ({self.origin})"


@define
class Plugins:
    """The plugins of one deployment."""

    folder: Path
    _manager: pluggy.PluginManager = field(init=False)
    _origins: dict[str, str] = field(factory=dict, init=False)
    _installed: dict[str, Installed] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Make a manager that knows the hooks and no plugin."""
        self._manager = pluggy.PluginManager(hooks.PROJECT)
        self._manager.add_hookspecs(hooks)

    def make(self, hook: str, kind: str, use: str, where: str, **arguments: Any) -> tuple[Any, Owner]:
        """Ask plugin `use` for a component.

        Parameters
        ----------
        hook
            Name of the hook, ``make_agent`` for example.
        kind
            The word for the component in errors.
        use
            Plugin name, or the path of a Python file, relative to the deployment file.
        where
            Place in the deployment file, for errors.

        Raises
        ------
        PluginError
            When the plugin is unknown, does not load, lacks the hook, or the hook fails.
        """
        plugin = self.load(use, where)
        owner = Owner(kind, use, self._origins[use])
        if not _is_marked(getattr(plugin, hook, None)):
            offered = [name for name in _marked(plugin) if name in HOOKS]
            lacks = f"{hook} stands without @hookimpl" if hasattr(plugin, hook) else f"has no {hook}"
            raise PluginError(f"{where}: {owner} {lacks}; it offers {', '.join(offered) or 'no hook'}")
        try:
            if hook == "make_feed":
                arguments["feeds"] = partial(self._feeds, arguments["options"])
            made = self._caller(hook, use)(**arguments)
        except DarwinError:
            raise
        except Exception as error:
            raise PluginError(f"{where}: {owner} failed in {hook}: {why(error)}") from error
        if made is None:
            raise PluginError(f"{where}: {owner} returned None from {hook}")
        return made, owner

    def _feeds(self, options: Options, key: str) -> tuple[Any, ...]:
        """Make the feeds of an array of tables among a feed's options, each as ``[feed]`` itself is made."""
        tables = options.table.get(key, [])
        if not isinstance(tables, list):
            raise options.error(key, f'write [{{ use = "PLUGIN", ... }}, ...], not {tables!r}')
        return tuple(self._feed(options, (*options.key, key, n), table) for n, table in enumerate(tables))

    def _feed(self, options: Options, key: tuple[str | int, ...], table: Any) -> Any:
        where = options.source.at(key)
        if not isinstance(table, dict) or not isinstance(table.get("use"), str):
            raise ConfigError(f'{where}: write {{ use = "PLUGIN", ... }}, not {table!r}')
        own = type(options)({name: value for name, value in table.items() if name != "use"}, options.source, key)
        return self.make("make_feed", "feed", table["use"], where, options=own)[0]

    def command(self, use: str, parser: argparse.ArgumentParser) -> None:
        """Let plugin `use` add its sub-commands to a parser; raise PluginError when it has none."""
        if "add_commands" not in _marked(self.load(use, "the command line")):
            raise PluginError(f"plugin {use!r} ({self._origins[use]}) brings no commands")
        self._caller("add_commands", use)(parser=parser)

    def _caller(self, hook: str, use: str) -> Any:
        """Return the hook as implemented by one plugin, with the wrappers that others put around it."""
        others = []
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            if impl.plugin_name != use and not impl.wrapper:
                others.append(impl.plugin)
        return self._manager.subset_hook_caller(hook, others)

    def load(self, use: str, where: str) -> ModuleType:
        """Import and register a plugin once; return its module."""
        if not self._manager.has_plugin(use):
            module, self._origins[use] = self._import(use, where)
            self._register(use, module, where)
        plugin: Any = self._manager.get_plugin(use)
        return cast("ModuleType", plugin)

    def _import(self, use: str, where: str) -> tuple[ModuleType, str]:
        if use.endswith(".py") or "/" in use:
            return _import_file((self.folder / use).resolve(), use, where), f"file {use}"
        known = self._known()
        if use not in known:
            raise PluginError(f"{where}: no plugin is named {use!r}: {did_you_mean(use, known)}")
        plugin = known[use]
        if plugin.needs:
            raise PluginError(f"{where}: plugin {use!r} ({plugin}) needs {plugin.needs}")
        try:
            return plugin.entry.load(), str(plugin)
        except Exception as error:
            raise PluginError(f"{where}: plugin {use!r} ({plugin}) cannot be imported: {why(error)}") from error

    def _known(self) -> dict[str, Installed]:
        """Return what is installed; every distribution's metadata are read once, not for each plugin."""
        if not self._installed:
            self._installed = installed()
        return self._installed

    def _register(self, use: str, module: ModuleType, where: str) -> None:
        origin = self._origins[use]
        _refuse_defaults(use, origin, module, where)
        try:
            self._manager.register(module, name=use)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            hint = _misspelt(module)
            raise PluginError(f"{where}: plugin {use!r} ({origin}) breaks the hook contract: {hint or error}") from None


def _misspelt(module: ModuleType) -> str | None:
    for name in _marked(module):
        if name not in HOOKS:
            return f"there is no hook {name!r}: {did_you_mean(name, HOOKS)}"
    return None


def _marked(module: ModuleType) -> list[str]:
    """Return the names of the functions that carry the hookimpl mark."""
    return [name for name, item in vars(module).items() if _is_marked(item)]


def _is_marked(item: object) -> bool:
    return hasattr(item, _MARK)


def _refuse_defaults(use: str, origin: str, module: ModuleType, where: str) -> None:
    """Refuse defaults in a hookimpl: pluggy 1.6 and 1.7 give them opposite meanings."""
    for name in _marked(module):
        parameters = inspect.signature(getattr(module, name)).parameters.values()
        if any(p.default is not p.empty for p in parameters):
            msg = f"{where}: plugin {use!r} ({origin}): {name} must not give its arguments defaults"
            raise PluginError(msg)


def _import_file(path: Path, use: str, where: str) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"{where}: there is no file {use} beside the deployment file ({path})")
    spec = importlib.util.spec_from_file_location(f"darwin_file_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{where}: {use} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise PluginError(f"{where}: plugin {use} cannot be imported: {why(error)}") from error
    return module


def why(error: BaseException) -> str:
    """Say what was raised and at which line of the innermost frame that is not ours."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith(("<", str(Path(__file__).parent))):
            place = f" ({Path(name).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {error}{place}"
