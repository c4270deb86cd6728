"""Compiled loops over ratings: scores, and the draw of all users' (or items') rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from fivestar.ratings import Positions

Array = NDArray[np.floating]
Function = TypeVar("Function", bound=Callable[..., Any])

CHUNK = 512
"""Ratings whose products are summed in float32 before they join a float64 sum."""


def compiled(function: Function) -> Function:
    """Compile by numba: no interpreter lock, sums may be reordered, infinities keep their sense."""
    options = {"contract", "reassoc", "nsz", "arcp"}
    compiler = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=options)
    return cast(Function, compiler(function))


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
def scores(starts: Positions, columns: Positions, users: Array, items: Array, out: Array) -> None:
    """Scores of all ratings in CSR order, written to ``out``, (n_ratings,)."""
    for row in range(len(starts) - 1):
        for p in range(starts[row], starts[row + 1]):
            out[p] = score(users[row], items[columns[p]])


@compiled
def sample_rows(
    starts: Positions,
    columns: Positions,
    targets: Array,
    design: Array,
    weights: Array,
    prior_means: Array,
    prior_precision: Array,
    noise: Array,
    rows: Array,
) -> None:
    """Draw every row of one side given the other side's rows, into ``rows``, (n, size).

    Row r with the ratings p has the posterior N(A^-1 b, A^-1), where d_p is the design's row
    of the rating's column, (n_columns, size), t_p its target, w_r the row's weight (noise
    precision), m_r and L the prior's mean and precision, and

        A = L + w_r sum_p d_p d_p',    b = L m_r + w_r sum_p t_p d_p.

    ``starts`` and ``columns`` are as in CSR, ``noise`` is standard normal, (n, size).
    """
    size = design.shape[1]
    precision = np.empty((size, size))
    linear = np.empty(size)
    block = np.empty((CHUNK, size + 1), np.float32)
    products = np.empty((size + 1, size + 1), np.float32)
    for row in range(len(starts) - 1):
        for a in range(size):
            linear[a] = 0
            for c in range(size):
                linear[a] += prior_precision[a, c] * prior_means[row, c]
                precision[a, c] = prior_precision[a, c]
        for begin in range(starts[row], starts[row + 1], CHUNK):
            n = min(CHUNK, starts[row + 1] - begin)
            for p in range(n):
                column = columns[begin + p]
                for a in range(size):
                    block[p, a] = design[column, a]
                block[p, size] = targets[begin + p]
            np.dot(block[:n].T, block[:n], products)
            for a in range(size):
                linear[a] += weights[row] * products[a, size]
                for c in range(a + 1):
                    precision[a, c] += weights[row] * products[a, c]
        draw_normal(precision, linear, noise[row])
        for a in range(size):
            rows[row, a] = linear[a]


@compiled
def draw_normal(precision: Array, linear: Array, noise: Array) -> None:
    """Put a draw of N(A^-1 b, A^-1) into ``linear``, which holds b; destroys A's lower triangle.

    With A = R R' the draw is R'^-1 (R^-1 b + e): mean A^-1 b, covariance R'^-1 R^-1 = A^-1.
    """
    size = len(linear)
    for i in range(size):
        for j in range(i):
            value = precision[i, j]
            for c in range(j):
                value -= precision[i, c] * precision[j, c]
            precision[i, j] = value * precision[j, j]
        value, mean = precision[i, i], linear[i]
        for c in range(i):
            value -= precision[i, c] * precision[i, c]
            mean -= precision[i, c] * linear[c]
        # The diagonal keeps its inverse: a division costs as much as ten products.
        precision[i, i] = 1 / math.sqrt(value)
        linear[i] = mean * precision[i, i]
    for i in range(size):
        linear[i] += noise[i]
    for i in range(size - 1, -1, -1):
        linear[i] *= precision[i, i]
        for c in range(i):
            linear[c] -= precision[i, c] * linear[i]
