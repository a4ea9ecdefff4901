"""A run as one self-contained HTML page: the plugin ``html``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Options, Reporter

__version__ = "0.1.0"


@hookimpl
def make_reporter(options: Options) -> Reporter:
    """Make the reporter."""
    from darwin_html_report.report import HtmlReport

    return options.into(HtmlReport)
