"""Work dealt to threads, with the same results however many there are."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_own = threading.local()


def in_threads(work: Callable[[Piece], object], pieces: Sequence[Piece]) -> None:
    """Do each piece of some work."""
    for _ in results_in_threads(work, pieces):
        pass


def results_in_threads(
    work: Callable[[Piece], Result], pieces: Sequence[Piece]
) -> Iterator[Result]:
    """What ``work`` gives for each piece, in their order.

    Of more than one thread each multiplies matrices by itself, and what it calls starts no
    further ones.
    """
    n_threads = 1 if hasattr(_own, "dealt") else min(available_threads(), len(pieces))
    if n_threads <= 1:
        yield from map(work, pieces)
        return
    with (
        _libraries().limit(limits=1, user_api="blas"),
        ThreadPoolExecutor(n_threads, initializer=_mark) as pool,
    ):
        yield from pool.map(work, pieces)


def slices(length: int, size: int) -> list[slice]:
    """One after the other, ``size`` long but for the last."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def available_threads() -> int:
    """As many as OpenMP may use, or cores."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def _mark() -> None:
    _own.dealt = True
