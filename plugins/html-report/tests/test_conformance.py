from __future__ import annotations

from darwin_core.testing import ReporterTests


class TestHtmlReport(ReporterTests):
    use = "html"
