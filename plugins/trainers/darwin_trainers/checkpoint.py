"""The state of a training as plain arrays in one file: no pickle is written and none would be read."""

from __future__ import annotations

import io
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_ABOUT = "about"


def save(path: Path, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a checkpoint; the one before it stays until this one is whole.

    Parameters
    ----------
    about
        JSON-able.
    arrays
        Plain numbers.
    """
    text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{_ABOUT: text}, **arrays)
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content.getvalue())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None


def load(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what `save` wrote; raise DataError when it is not there or is something else."""
    if not path.is_file():
        raise DataError(f"there is no checkpoint {path} to go on from: train without --resume")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop(_ABOUT).tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no checkpoint, or it was cut short: {error}") from None
    return about, arrays
