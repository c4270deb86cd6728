"""Work dealt to threads, with the same results however many there are."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

WORTH_A_THREAD = 2e7
"""Multiplications that a further thread takes over: fewer are done before it has started."""

WORTH_A_WAITING_THREAD = 2e6
"""The same where the thread waits for work and need not be started."""

Piece = TypeVar("Piece")
Result = TypeVar("Result")
Job = tuple[Callable[[int, int], object], NDArray[np.integer]]
"""Work on rows from a first one to an end, and where the rows' entries start and end."""

_own = threading.local()


def in_threads(
    work: Callable[[Piece], object], pieces: Sequence[Piece], n_threads: int | None = None
) -> None:
    """Do each piece of some work; a thread that is done takes the next one."""
    for _ in results_in_threads(work, pieces, n_threads):
        pass


def results_in_threads(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], n_threads: int | None = None
) -> Iterator[Result]:
    """What ``work`` gives for each piece, in their order.

    Of more than one thread each multiplies matrices by itself, and what it calls starts no
    further ones. ``n_threads`` is as many as there may be unless given.
    """
    n_threads = min(available_threads() if n_threads is None else n_threads, len(pieces))
    if n_threads <= 1 or hasattr(_own, "dealt"):
        yield from map(work, pieces)
        return
    with (
        _libraries().limit(limits=1, user_api="blas"),
        _pool(n_threads) as pool,
    ):
        yield from pool.map(work, pieces)


def rounds_in_threads(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], n_rounds: int, n_threads: int
) -> Generator[list[Result]]:
    """What ``work`` gives for each piece, round after round.

    A piece is worked on in order, but waits neither for the other pieces nor for who asks for
    the results. To be closed where not all rounds are asked for. Called in one of more threads
    it starts none: then each round is worked on when it is asked for.
    """
    n_threads = min(n_threads, len(pieces))
    if n_threads <= 1 or hasattr(_own, "dealt"):
        for _ in range(n_rounds):
            yield [work(piece) for piece in pieces]
        return
    pools = [_pool(1) for _ in range(n_threads)]
    with _libraries().limit(limits=1, user_api="blas"):
        try:
            rounds = deque(
                [pools[i % len(pools)].submit(work, piece) for i, piece in enumerate(pieces)]
                for _ in range(n_rounds)
            )
            while rounds:
                yield [task.result() for task in rounds.popleft()]
        finally:
            for pool in pools:
                pool.shutdown(wait=False, cancel_futures=True)
            for pool in pools:
                pool.shutdown()


def rows_in_threads(
    work: Callable[[int, int], object], starts: NDArray[np.integer], products: float
) -> None:
    """Do ``work(first, end)`` for all rows, about as many entries in each thread.

    The threads wait for more of it, which suits short work that is done often. It must not
    multiply matrices by a library that has threads of its own.

    Parameters
    ----------
    starts
        Where the rows' entries start and end, as in CSR, (n_rows + 1,).
    products
        How many multiplications all of it takes.
    """
    jobs_in_threads([(work, starts)], products)


def jobs_in_threads(jobs: Sequence[Job], products: float) -> None:
    """The same of several kinds of work, none of which needs what another one finds.

    ``products`` are of all together.
    """
    n_threads = int(min(available_threads(), max(1, products / WORTH_A_WAITING_THREAD)))
    if hasattr(_own, "dealt"):
        n_threads = 1
    parts = [rows_for(n_threads, starts) for _, starts in jobs]

    def do(thread: int) -> None:
        for (work, _), rows in zip(jobs, parts, strict=True):
            work(*rows[thread])

    others = range(1, n_threads)
    tasks = [_waiting(os.getpid(), n_threads - 1).submit(do, thread) for thread in others]
    do(0)
    for task in tasks:
        task.result()


@lru_cache(maxsize=1)
def _waiting(process: int, n_threads: int) -> ThreadPoolExecutor:
    """Threads beside the one that asks; a forked process has none of its parent's."""
    return _pool(n_threads)


def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Threads that start no further ones."""
    return ThreadPoolExecutor(n_threads, initializer=_mark)


def slices(length: int, size: int) -> list[slice]:
    """One after the other, ``size`` long but for the last."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def rows_for(n_threads: int, starts: NDArray[np.integer]) -> list[tuple[int, int]]:
    """First and end of the rows for each thread, with about as many entries.

    ``starts`` is where the rows' entries start and end, as in CSR, (n_rows + 1,).
    """

    def cost(row: int) -> int:
        """Of all rows before it: each has a cost of its own beside that of its entries."""
        return int(starts[row]) + row

    rows, first = range(len(starts)), cost(0)
    share = (cost(rows[-1]) - first) / n_threads
    ends = [bisect_left(rows, first + n * share, key=cost) for n in range(1, n_threads)]
    return list(pairwise([0, *ends, rows[-1]]))


def threads_for(products: float) -> int:
    """How many threads so many multiplications are worth, of those available."""
    return int(min(available_threads(), max(1, products / WORTH_A_THREAD)))


def available_threads() -> int:
    """As many as ``FIVESTAR_NUM_THREADS`` says, else as OpenMP may use, else cores."""
    given = (os.environ.get(name) for name in ("FIVESTAR_NUM_THREADS", "OMP_NUM_THREADS"))
    return int(next(filter(None, given), None) or os.cpu_count() or 1)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def _mark() -> None:
    _own.dealt = True
