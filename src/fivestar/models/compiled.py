"""Functions compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import config
from numba.core.codegen import get_host_cpu_features

FEATURES: str = get_host_cpu_features()  # type: ignore[no-untyped-call]
"""Of the processor, as LLVM tells them."""
if config.CPU_FEATURES is None and "+avx512vl" in FEATURES:  # type: ignore[attr-defined]
    # LLVM would use half of each vector register, to spare the clock of the first such processors.
    config.CPU_FEATURES = FEATURES + ",-prefer-256-bit"  # type: ignore[attr-defined]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile by numba: no interpreter lock, sums may be reordered, infinities keep their sense.

    A loop that adds up must write to no array. It would be compiled twice, once for arrays that
    may overlap, with its sums in another order, and the last digits would depend on where the
    arrays lie.
    """
    options = {"contract", "reassoc", "nsz", "arcp"}
    compiler = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=options)
    return cast(Function, compiler(function))
