"""What a person sees in the terminal: a run, a list of runs, two runs compared, a bar while one is made.

Figures are shown as they stand in the run; nothing is computed here but their text. Texts that came from a user
(names, findings) are never read as markup, and no number is ever cut to fit. The command line imports this module
only when there is something to show.
"""

from __future__ import annotations

from darwin_core.screen.listing import show_diff, show_runs
from darwin_core.screen.summary import show_run
from darwin_core.screen.watching import progress

__all__ = ["progress", "show_diff", "show_run", "show_runs"]
