"""How the core compiles: cached on disk, IEEE arithmetic in source order, no Python inside."""

from __future__ import annotations

import warnings
from typing import Any

from numba import njit
from numba.core.errors import NumbaExperimentalFeatureWarning

# The typed function pointer is the one experimental feature that the kernel uses; tests hold what it does.
warnings.filterwarnings("ignore", category=NumbaExperimentalFeatureWarning)

inner: Any = njit(cache=True, error_model="numpy", no_cpython_wrapper=True)
"""For functions that only compiled functions call."""


small: Any = njit(cache=True, error_model="numpy", no_cpython_wrapper=True, forceinline=True)
"""For those called for each symbol of each bar: a call that passes arrays costs more than they do."""


def entry(signature: Any) -> Any:
    """Return the decorator for functions that Python calls: compiled for one signature, never again."""
    return njit(signature, cache=True, error_model="numpy")
