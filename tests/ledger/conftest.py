"""Make the helpers beside the tests importable: random cases, and the ledger in plain Python."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
