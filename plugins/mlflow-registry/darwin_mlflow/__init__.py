"""Signed policies shared through an MLflow server: the plugin ``mlflow``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Mirror, Options

__version__ = "0.1.0"


@hookimpl
def make_mirror(options: Options) -> Mirror:
    """Make the mirror; nothing of MLflow is imported, and no server asked, before the first push or pull."""
    from darwin_mlflow.mirror import MlflowMirror
    from darwin_mlflow.settings import MlflowOptions

    settings = options.into(MlflowOptions)
    return MlflowMirror(settings)
