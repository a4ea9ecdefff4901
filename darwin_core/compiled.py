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
    for name in ("lockstep", "outcomes", "stats", "venue"):
        import_module(f"darwin_core.{name}")
    return _Listener.count


def fixed(kind: Any, dimensions: int) -> Any:
    """Return the type of an array that is only read."""
    return types.Array(kind, dimensions, "C", readonly=True)


def records(dtype: Any, dimensions: int = 1) -> Any:
    """Return the type of an array of records."""
    return types.Array(numba.from_dtype(dtype), dimensions, "C")


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


def c_function(signature: Any) -> Any:
    """Return a function for compiled code that calls the C function of this signature at an address.

    It takes the address, an int64, and the function's arguments.
    """

    def code(context: Any, builder: Any, address: Any, arguments: Any) -> Any:
        kinds = [context.get_value_type(kind) for kind in signature.args]
        function = ir.FunctionType(context.get_value_type(signature.return_type), kinds)
        return builder.call(builder.inttoptr(address, function.as_pointer()), arguments)

    return _call(signature, signature.return_type, code)


def compiled_function(signature: Any) -> Any:
    """Return a function for compiled code that calls another one, whose address is `address_of` it.

    It takes the address and the function's arguments, and returns whether the function failed.
    """

    def code(context: Any, builder: Any, address: Any, arguments: Any) -> Any:
        result, kinds, convention = signature.return_type, signature.args, context.call_conv
        function = convention.get_function_type(result, kinds).as_pointer()
        pointer = builder.inttoptr(address, function)
        status, _ = convention.call_function(builder, pointer, result, kinds, arguments)
        return status.is_error

    return _call(signature, types.boolean, code)


def _fetch(_typing: Any, array: Any, _place: Any) -> Any:
    tools: Any = cgutils

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = tools.create_struct_proxy(signature.args[0])(context, builder, values[0]).data
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kinds = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        function = tools.get_or_insert_function(builder.module, kinds, "llvm.prefetch.p0i8")
        item = builder.bitcast(builder.gep(data, [values[1]]), byte)
        builder.call(function, [item, whole(0), whole(3), whole(1)])  # to read it, keep it near, as data
        return context.get_dummy_value()

    return types.void(array, types.intp), emit


fetch: Any = intrinsic(_fetch)
"""For compiled code: ``fetch(array, place)`` begins to bring an item near the processor, and waits for nothing."""


def address_of(function: Any, signature: Any) -> int:
    """Return the address of what numba compiles `function` to, which must live on; raises numba's own errors."""
    compiled = function.get_compile_result(signature)
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _call(signature: Any, result: Any, code: Callable[..., Any]) -> Any:
    every: Any = types.Tuple
    unpack: Any = cgutils.unpack_tuple

    @intrinsic
    def call(_typing: Any, _address: Any, *_arguments: Any) -> Any:
        def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
            address, arguments = values
            return code(context, builder, address, unpack(builder, arguments, len(signature.args)))

        return result(types.int64, every(signature.args)), emit

    return call
