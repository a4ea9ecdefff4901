"""Inference on ONNX Runtime, one CPU thread: the plugin ``onnx``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core import PluginError, hookimpl

if TYPE_CHECKING:
    from darwin_core import Backend, Options

__version__ = "0.1.0"


@hookimpl
def make_backend(options: Options) -> Backend:
    """Make the backend; say so where its libraries do not load on this machine."""
    try:
        from darwin_onnx.backend import OnnxBackend
    except ImportError as error:
        raise PluginError(
            f"{options.source.at(options.key)}: the backend onnx needs the libraries onnx and onnxruntime, and they do "
            f'not load here: {error}. Install them, or switch off the agents that run on it: mode = "off"'
        ) from error
    return options.into(OnnxBackend)
