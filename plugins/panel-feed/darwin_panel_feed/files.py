"""Which files an option names."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING

from darwin_panel_feed.tables import SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core import Options

_ENDINGS = ", ".join(SUFFIXES)


def find(options: Options, pattern: str, key: str) -> list[Path]:
    """Return the files that a path, a folder or a glob names, sorted.

    Parameters
    ----------
    options
        The feed's options; paths start at their folder.
    pattern
        What the user wrote.
    key
        Name of the option, for errors.

    Raises
    ------
    ConfigError
        When there is no such file, or one that is neither CSV nor Parquet.
    """
    try:
        paths = _look_up(options.folder, pattern)
    except (OSError, ValueError) as error:
        raise options.error(key, f"{pattern!r} cannot be looked up: {error}") from None
    for path in paths:
        if not path.name.endswith(SUFFIXES) or not path.is_file():
            raise options.error(key, f"{path} is not a file ending in {_ENDINGS}")
    if not paths:
        raise options.error(key, f"there is no file {options.folder / pattern} (ending in {_ENDINGS})")
    return paths


def _look_up(folder: Path, pattern: str) -> list[Path]:
    found = folder / pattern
    if found.is_dir():
        return sorted(each for each in found.iterdir() if each.name.endswith(SUFFIXES) and each.name[0] != ".")
    if found.exists():
        return [found]
    # Path.glob refuses absolute patterns.
    return sorted(folder / name for name in glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207
