"""The reporter: writes the page beside the run that it is about."""

from __future__ import annotations

import os
import webbrowser
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from attrs import Attribute, field, frozen

from darwin_core import DarwinError
from darwin_html_report.page import render

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class StoredRun(Protocol):
    """What the page reads of a stored run."""

    @property
    def folder(self) -> Path:
        """Where the run is."""

    @property
    def id(self) -> str:
        """The run's name."""

    @property
    def info(self) -> Mapping[str, Any]:
        """The content of ``run.json``."""

    def table(self, name: str) -> Any:
        """Return one of the run's tables, a pyarrow.Table."""


def _page(_cls: Any, _field: Attribute[Any], value: str) -> None:
    if not value.endswith((".html", ".htm")):
        msg = f"{value!r} does not end in .html: it could be one of the run's own files"
        raise ValueError(msg)


@frozen
class HtmlReport:
    """The reporter.

    Parameters
    ----------
    path
        Where the page goes: inside the run's folder, or anywhere when it is an absolute path.
    open
        Whether to show the page in the browser.
    """

    path: str = field(default="report.html", validator=_page)
    open: bool = False

    def report(self, run: StoredRun) -> str:
        """Write the page; return where it is."""
        target = run.folder / self.path
        text = render(run)
        draft = target.with_name(f".{target.name}-{os.getpid()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(text, encoding="utf-8")
            draft.replace(target)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            msg = f"the page {target} cannot be written: {error.strerror}"
            raise DarwinError(msg) from None
        if self.open:
            webbrowser.open(target.resolve().as_uri())
        return f"report: {target}"
