"""How hot loops are compiled: by numba, as plain functions over arrays, without threads of their own.

A kernel loops over rows, writes into arrays that it is handed, and releases the interpreter lock. It may call other
kernels. It is compiled at its first call for each combination of types, so hand it contiguous float64, int64, uint8
and bool arrays and nothing else.
"""

import gc
import inspect
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import numba
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile `function` when it is first called, or take it from the cache that `run.kernel_cache` chose.

    Divisions by zero give infinity or NaN, as in numpy. Nothing of the arithmetic is rearranged. Products and sums are
    not contracted to one instruction either: a kernel that is compiled together with what it calls would be contracted
    otherwise than one that calls what comes from the cache, and the first run would differ from all later ones.
    """
    compiled = numba.njit(
        nogil=True,
        error_model="numpy",
        cache=bool(numba.config.CACHE_DIR),
        no_cfunc_wrapper=True,
    )(function)
    return cast(Function, compiled)


def inlined(function: Function) -> Function:
    """Make a short function part of every kernel that calls it, in place of a call.

    It made ways to the ground quicker by a fifth, and gates and areas no quicker: measure before. Results are the same
    to the bit. Each place where it stands is compiled anew, and what Python calls directly is not kept on the disk.
    """
    compiled = numba.njit(nogil=True, error_model="numpy", inline="always", no_cfunc_wrapper=True)(function)
    return cast(Function, compiled)


def unrolled(function: Function, *sizes: int) -> Function:
    """Compile, as `kernel` does, a function that closes over sizes; its name has them from then on.

    numba names machine code by the function and a count in the process that compiled it. Two of one name that the cache
    has from two processes may then be called the same, and one is run in place of the other.
    """
    function.__qualname__ = "_".join([function.__qualname__, *map(str, sizes)])
    return kernel(function)


class _Uncollected(event.Listener):  # type: ignore[misc]
    """Lets no garbage be collected while numba compiles: there is little, and looking for it is a tenth of the time."""

    def __init__(self) -> None:
        self.depth, self.was_on = 0, False

    def on_start(self, event: event.Event) -> None:  # noqa: ARG002
        if not self.depth:
            self.was_on = gc.isenabled()
            gc.disable()
        self.depth += 1

    def on_end(self, event: event.Event) -> None:  # noqa: ARG002
        self.depth -= 1
        if not self.depth and self.was_on:
            gc.enable()


def _remember_types() -> None:
    """Let numba work out once, not at every place where one stands, what an operation gives on given types.

    It tries all that an index or a sum may mean, a quarter of the time to compile. What it finds depends on the
    operation, the types and the options alone. A numba that is built otherwise is left as it is, and is slower.
    """
    try:
        from numba.core.targetconfig import ConfigStack
        from numba.core.types.functions import BaseFunction
    except ImportError:
        return
    work_out = getattr(BaseFunction, "get_call_type", None)
    if work_out is None or list(inspect.signature(work_out).parameters) != ["self", "context", "args", "kws"]:
        return
    known: dict[Any, Any] = {}
    latest: list[Any] = [None, ""]

    def get_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
        options = ConfigStack.top_or_none()
        if options is not latest[0]:
            latest[:] = options, repr(options)
        key = self, context, args, tuple(kws.items()), latest[1]
        if key not in known:
            known[key] = work_out(self, context, args, kws)
        return known[key]

    BaseFunction.get_call_type = get_call_type  # type: ignore[method-assign]


def _count_plainly() -> None:
    """Let kernels count who holds an array by plain sums, where numba locks memory twice for each row looked at.

    Locks are for counts that several threads change. Here each call of a kernel counts for itself: arrays come from
    Python and go back to it, and only numba's own lists and objects, which no kernel uses, keep a count between calls.
    A numba that is built otherwise is left as it is, and is slower.
    """
    try:
        from llvmlite import ir  # type: ignore[import-untyped]
        from numba.core.runtime import nrtdynmod
    except ImportError:
        return
    given = getattr(nrtdynmod, "_define_atomic_inc_dec", None)
    if given is None or list(inspect.signature(given).parameters) != ["module", "op", "ordering"]:
        return

    def define(module: Any, op: str, ordering: str) -> Any:  # noqa: ARG001
        """Return the function that adds to a count or subtracts from it (`op`), and returns what it is then."""
        word = ir.IntType(numba.config.MACHINE_BITS)
        function = ir.Function(module, ir.FunctionType(word, [word.as_pointer()]), name=f"nrt_atomic_{op}")
        builder = ir.IRBuilder(function.append_basic_block())
        count = getattr(builder, op)(builder.load(function.args[0]), ir.Constant(word, 1))
        builder.store(count, function.args[0])
        builder.ret(count)
        return function

    nrtdynmod._define_atomic_inc_dec = define  # noqa: SLF001


def _optimise_what_there_is() -> None:
    """Make no optimiser for each function that a kernel only names: nine of ten are those, and each took a moment.

    Nor is anybody told each time that LLVM is called, tens of thousands of times. A numba that is built otherwise is
    left as it is, and is slower.
    """
    try:
        from llvmlite.binding import ffi  # type: ignore[import-untyped]
        from numba.core.codegen import CPUCodeLibrary
    except ImportError:
        return
    told = getattr(getattr(ffi.lib, "_lock", None), "_cblist", None)
    if isinstance(told, list):
        told.clear()
    given = getattr(CPUCodeLibrary, "_optimize_functions", None)
    if given is None or list(inspect.signature(given).parameters) != ["self", "ll_module"]:
        return

    def optimize_functions(self: Any, ll_module: Any) -> None:
        given(self, _Defined(ll_module))

    CPUCodeLibrary._optimize_functions = optimize_functions  # noqa: SLF001


class _Defined:
    """A module of LLVM's, of which only the functions that it defines are seen."""

    module: Any

    def __init__(self, module: Any) -> None:
        object.__setattr__(self, "module", module)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.module, name, value)

    @property
    def functions(self) -> Iterator[Any]:
        """Those that are defined."""
        return (function for function in self.module.functions if not function.is_declaration)


def _name_apart() -> None:
    """Let no two processes give what they compile of one function for several types the same file.

    numba counts such files by an index that it reads, and writes before the file: of two processes that compile at once
    for other types one would have its index and the other's code. A numba that is built otherwise is left as it is.
    """
    from numba.core.caching import IndexDataCacheFile

    given = getattr(IndexDataCacheFile, "_data_name", None)
    if given is None or list(inspect.signature(given).parameters) != ["self", "number"]:
        return

    def data_name(self: Any, number: int) -> str:
        head, dot, tail = given(self, number).rpartition(".")
        return f"{head}-{os.urandom(6).hex()}{dot}{tail}"

    IndexDataCacheFile._data_name = data_name  # noqa: SLF001


# numba may have been imported before the folder of kernels was chosen; what else it was told stands.
numba.config.CACHE_DIR = os.environ.get("NUMBA_CACHE_DIR", numba.config.CACHE_DIR)
event.register("numba:compile", _Uncollected())
_remember_types()
_count_plainly()
_optimise_what_there_is()
_name_apart()
