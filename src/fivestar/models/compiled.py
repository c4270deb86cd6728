"""Functions compiled by numba, and threads that run them side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba

WORTH_A_THREAD = 2e7
"""Multiplications that a further thread takes over: fewer are done before it has started."""

Function = TypeVar("Function", bound=Callable[..., Any])
Task = TypeVar("Task")


def compiled(function: Function) -> Function:
    """Compile by numba: no interpreter lock, sums may be reordered, infinities keep their sense."""
    options = {"contract", "reassoc", "nsz", "arcp"}
    compiler = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=options)
    return cast(Function, compiler(function))


def available_threads() -> int:
    """As many as OpenMP may use, or cores."""
    return int(os.environ.get("OMP_NUM_THREADS") or numba.get_num_threads())


def threads_for(products: float) -> int:
    """How many threads so many multiplications are worth, of those available."""
    return int(min(available_threads(), max(1, products / WORTH_A_THREAD)))


def in_threads(function: Callable[[Task], object], tasks: Iterable[Task], n_threads: int) -> None:
    """Call the function once for each task; a thread that is done takes the next one."""
    if n_threads == 1:
        for task in tasks:
            function(task)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(function, tasks))
