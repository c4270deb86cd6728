"""Compiled loops over ratings: drawing all rows of one side, and their scores."""

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
    """Draw every row of one side given the other, in place.

    Row r with the ratings p has the posterior N(A^-1 b, A^-1), where d_p is the design's row
    of the rating's column, t_p its target, w_r the row's weight (noise precision), and

        A = L + w_r sum_p d_p d_p',    b = L m_r + w_r sum_p t_p d_p.

    Parameters
    ----------
    starts, columns
        (n + 1,) and (n_ratings,) as in CSR.
    targets
        (n_ratings,) latent ratings less what the rows do not explain.
    design
        (n_columns, size)
    weights
        (n,)
    prior_means, prior_precision
        (n, size) m and (size, size) L.
    noise
        (n, size) standard normal.
    rows
        (n, size), written.
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


@compiled
def scores(starts: Positions, columns: Positions, users: Array, items: Array, out: Array) -> None:
    """Products x_u . y_i + b_u + b_i of every rating in CSR order; biases are the last column."""
    k = users.shape[1] - 1
    for row in range(len(starts) - 1):
        user = users[row]
        for p in range(starts[row], starts[row + 1]):
            item = items[columns[p]]
            score = np.float32(0)
            for a in range(k):
                score += user[a] * item[a]
            out[p] = score + user[k] + item[k]
