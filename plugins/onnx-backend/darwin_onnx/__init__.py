"""Inference on ONNX Runtime, one CPU thread: the plugin ``onnx``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import hookimpl

if TYPE_CHECKING:
    from darwin_core import Backend, Options

__version__ = "0.1.0"


@hookimpl
def make_backend(options: Options) -> Backend:
    """Make the backend."""
    from darwin_onnx.backend import OnnxBackend

    return options.into(OnnxBackend)
