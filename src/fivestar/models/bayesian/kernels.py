"""Compiled loops over ratings: their scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivestar.models.solver import compiled
from fivestar.ratings import Positions

Array = NDArray[np.floating]


@compiled
def score(user: Array, item: Array) -> float:
    """X . y + b_u + b_i of two rows whose last column is the bias."""
    k = len(user) - 1
    total: float = np.float32(0)  # type: ignore[assignment]
    for a in range(k):
        total += user[a] * item[a]
    total += user[k] + item[k]
    return total


@compiled
def scores(
    starts: Positions, columns: NDArray[np.integer], users: Array, items: Array, out: Array
) -> None:
    """Scores of all ratings in CSR order, written to ``out``, (n_ratings,)."""
    for row in range(len(starts) - 1):
        for p in range(starts[row], starts[row + 1]):
            out[p] = score(users[row], items[columns[p]])
