"""A bar while a run is made."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

Tell: TypeAlias = Callable[[int, int], None]


@contextmanager
def progress(console: Console, *, quiet: bool = False) -> Iterator[Tell]:
    """Show a bar while a run is made; yield the function that moves it. No bar where nobody watches.

    Parameters
    ----------
    console
        Where to draw; a console on stderr keeps stdout clean.
    quiet
        Draw nothing.
    """
    if quiet or not console.is_terminal:
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[bars]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None, bars="")

        def tell(done: int, total: int) -> None:
            what = "running" if done < total else "measuring"
            bar.update(task, completed=done, total=total, description=what, bars=f"{done:,} of {total:,} bars")

        yield tell
