"""What plugins bring to a training: `make_task` of the agent's, `make_trainers` of the trainers', and a backend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darwin_core.errors import DarwinError, PluginError
from darwin_core.options import Options
from darwin_core.plugins import Plugins, why
from darwin_core.source import Source
from darwin_core.training.task import Task
from darwin_core.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darwin_core.protocols import Backend

_WHERE = "the command line"


def task_of(plugins: Plugins, use: str, given: Mapping[str, Any]) -> Task:
    """Return the task of an agent plugin, with some of its options set."""
    made = _ask(plugins, use, "make_task", options=_options(given))
    if not isinstance(made, Task):
        raise PluginError(f"plugin {use!r}: make_task returned {type(made).__name__}, which is no Task")
    if made.baseline not in made.actions or len(set(made.actions)) != len(made.actions):
        raise PluginError(f"plugin {use!r}: the actions {made.actions} must differ, {made.baseline} among them")
    return made


def trainers_of(plugins: Plugins, use: str) -> Mapping[str, Trainer]:
    """Return a plugin's trainers by name."""
    made = _ask(plugins, use, "make_trainers")
    if not isinstance(made, dict) or not made or not all(isinstance(each, Trainer) for each in made.values()):
        raise PluginError(f"plugin {use!r}: make_trainers must return a dict of trainers by name")
    return made


def backend_of(plugins: Plugins, use: str) -> Backend:
    """Return the backend that scores held-out rows: what serves is what was measured."""
    backend: Backend = plugins.make("make_backend", "backend", use, _WHERE, options=_options({}))[0]
    return backend


def _ask(plugins: Plugins, use: str, function: str, **arguments: Any) -> Any:
    module = plugins.load(use, _WHERE)
    if not hasattr(module, function):
        raise PluginError(f"plugin {use!r} has no {function}: it cannot be trained with `darwin train`")
    try:
        return getattr(module, function)(**arguments)
    except DarwinError:
        raise
    except Exception as error:
        raise PluginError(f"plugin {use!r} failed in {function}: {why(error)}") from error


def _options(given: Mapping[str, Any]) -> Options:
    return Options(given, Source.parse("", Path(_WHERE)), ())
