"""Rows of a sparse matrix shared out between threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fivestar.models.solver import available_threads

WORTH_A_THREAD = 2e7
"""Products of numbers that a further thread takes over: fewer are done before it has started."""


def in_parts(
    work: Callable[[int, int], object], starts: NDArray[np.integer], products: float
) -> None:
    """Do the work of all rows, ``work(first, end)`` for about as many entries in each thread.

    Parameters
    ----------
    starts
        (n_rows + 1,) where the rows' entries start and end, as in CSR.
    products
        How many products of numbers all the work takes.
    """
    n_rows = len(starts) - 1
    n_threads = int(min(available_threads(), n_rows, max(1, products / WORTH_A_THREAD)))
    if n_threads <= 1:
        work(0, n_rows)
        return
    # A row has a cost of its own beside that of its entries.
    cost = starts + np.arange(n_rows + 1)
    shares = np.linspace(cost[0], cost[-1], n_threads + 1)[1:-1]
    cuts = [0, *np.searchsorted(cost, shares).tolist(), n_rows]
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(lambda part: work(*part), pairwise(cuts)))
