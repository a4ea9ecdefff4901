"""How the core compiles: cached on disk, IEEE arithmetic in source order, no Python inside."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils, event
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

# Some of these options are numba's own and stand in no stub: `_nrt` off leaves out the counting of references, which
# costs a third of compiling and which a kernel that makes no array does not need.
_njit: Any = numba.njit

inner: Any = _njit(_nrt=False, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For functions that only compiled functions call. They are stored with their caller, never on their own."""

inlined: Any = _njit(_nrt=False, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)
"""For those that pass many arrays at every bar: the call would cost more than what they do."""

pasted: Any = _njit(_nrt=False, error_model="numpy", inline="always")
"""For short ones with one caller, and for arithmetic: nothing is compiled but the caller."""


_tell: list[Callable[[], None]] = []


def on_compile(tell: Callable[[], None]) -> None:
    """Have `tell` called once, before the first kernel is compiled; never, when all of them are in the cache."""
    _tell.append(tell)


class _Listener(event.Listener):
    """Hears numba compile, which it does not do for what it finds in the cache."""

    count = 0

    def on_start(self, _event: object) -> None:
        """Tell whoever wants to know."""
        _Listener.count += 1
        while _tell:
            _tell.pop()()

    def on_end(self, _event: object) -> None:
        """Say nothing."""


def warm() -> int:
    """Import every module with kernels; return how many functions had to be compiled, 0 if all were in the cache."""
    for name in ("lockstep", "forming", "outcomes", "closes", "stats"):
        import_module(f"darwin_core.{name}")
    return _Listener.count


def entry(signature: Any, *, allocates: bool = True) -> Callable[[Callable[..., Any]], Any]:
    """Return the decorator for functions that Python calls: compiled for one signature, never again.

    One that never makes an array compiles faster when it says so.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        kernel = _njit(_nrt=allocates, cache=True, error_model="numpy")(function)
        # Numba looks at one file's age; this function's machine code holds that of its callees in other files too.
        kernel._cache._cache_file._source_stamp = _stamp(function)  # noqa: SLF001
        with event.install_listener("numba:compile", _Listener()):
            kernel.compile(signature)
        kernel.disable_compile()
        return kernel

    return compiled


def _stamp(function: Any) -> tuple[tuple[int, int], ...]:
    """Return what changes whenever the source of a compiled function does, or that of what it calls."""
    folder = Path(__file__).parent
    files = [Path(function.__code__.co_filename), *(folder / name for name in ("compiled.py", "ledger.py"))]
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in (file.stat() for file in files))


def by_address(signature: Any) -> Any:
    """Return a function for compiled code that calls the C function of this signature at an address.

    It takes the address, an int64, and the function's arguments.
    """
    every: Any = types.Tuple
    unpack: Any = cgutils.unpack_tuple

    @intrinsic
    def call(_typing: Any, _address: Any, *_arguments: Any) -> Any:
        def code(context: Any, builder: Any, _: Any, values: Any) -> Any:
            kinds = [context.get_value_type(kind) for kind in signature.args]
            function = ir.FunctionType(context.get_value_type(signature.return_type), kinds)
            address, arguments = values
            pointer = builder.inttoptr(address, function.as_pointer())
            return builder.call(pointer, unpack(builder, arguments, len(kinds)))

        return signature.return_type(types.int64, every(signature.args)), code

    return call
