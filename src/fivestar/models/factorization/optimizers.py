"""A step down a gradient: weights are moved in place, in one pass over them.

The loss is (S + sum_r l_r |w_r|^2) / N with S the squared errors. ``half_gradient``, like the
weights (n_rows, n_columns), is that of S alone, ``strengths``, (n_rows,), are l, and ``scale``
is 2 / N.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivestar.models.compiled import compiled

Array = NDArray[np.float32]

SQUARE_DECAY, EPSILON = 0.999, 1e-8
"""Of Adam: beta_2 and epsilon."""
KEPT, NEW = np.float32(SQUARE_DECAY), np.float32(1 - SQUARE_DECAY)


@compiled
def heavy_ball(
    weights: Array,
    half_gradient: Array,
    strengths: Array,
    scale: np.float32,
    mean: Array,
    momentum: np.float32,
    rate: np.float32,
) -> None:
    """Gradient descent with momentum.

    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    """
    for row in range(len(weights)):
        for column in range(weights.shape[1]):
            half = half_gradient[row, column] + strengths[row] * weights[row, column]
            mean[row, column] = momentum * mean[row, column] + scale * half
            weights[row, column] -= rate * mean[row, column]


@compiled
def adam(
    weights: Array,
    half_gradient: Array,
    strengths: Array,
    scale: np.float32,
    mean: Array,
    momentum: np.float32,
    rate: np.float32,
    square: Array,
    epsilon: np.float32,
) -> None:
    """Kingma, Ba, "Adam: A Method for Stochastic Optimization", 2015.

    ``rate`` and ``epsilon`` are those of the last formula of its section 2, corrected for the
    number of steps.
    """
    for row in range(len(weights)):
        for column in range(weights.shape[1]):
            half = half_gradient[row, column] + strengths[row] * weights[row, column]
            slope = scale * half
            first = momentum * mean[row, column] + (np.float32(1) - momentum) * slope
            second = KEPT * square[row, column] + NEW * slope * slope
            mean[row, column], square[row, column] = first, second
            weights[row, column] -= rate * first / (np.sqrt(second) + epsilon)
