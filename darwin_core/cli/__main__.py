"""Let ``python -m darwin_core.cli`` be ``darwin``."""

from __future__ import annotations

import sys

from darwin_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
