"""Which examples the repository's own run of pytest collects."""

from __future__ import annotations

import importlib.util

# A distribution is tested where it is installed; tests/authors makes an environment for it.
collect_ignore = [] if importlib.util.find_spec("acme_trend_gate") else ["acme-trend-gate"]
