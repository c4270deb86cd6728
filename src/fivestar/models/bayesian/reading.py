"""Compiled means over kept samples: chances and moments of pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from fivestar.models.bayesian.sampling import compiled
from fivestar.ratings import Positions

Array = NDArray[np.floating]

REACH = 8.0
"""Beyond it the normal distribution function is 0 or 1 in float32."""
STEPS = 1 << 12
"""Of its table, on each side of zero: between them a line is less than 1e-6 off."""
_POINTS = ndtr(np.linspace(-REACH, REACH, 2 * STEPS + 1))
_TABLE = np.column_stack([_POINTS[:-1], np.diff(_POINTS)]).astype(np.float32)
"""Value and rise of each step."""


@compiled
def exceedance(
    users: Positions,
    items: Positions,
    user_samples: Array,
    item_samples: Array,
    cutpoints: Array,
    roots: Array,
    first: int,
    last: int,
    out: Array,
) -> None:
    """P(z > c_j) of each pair, averaged over the samples ``first`` to ``last - 1``.

    Parameters
    ----------
    users, items
        (n_pairs,)
    user_samples, item_samples
        (n_users, n_samples, size) and (n_items, n_samples, size)
    cutpoints
        (n_users or 1, n_samples, n_stars - 1)
    roots
        (n_users, n_samples)
    out
        (n_pairs, n_stars - 1), written.
    """
    n_cuts = cutpoints.shape[2]
    k = user_samples.shape[2] - 1
    per_unit, middle = np.float32(STEPS / REACH), np.float32(STEPS)
    last_step = np.float32(2 * STEPS - 1e-3)
    for p in range(len(users)):
        cuts = cutpoints[users[p] if len(cutpoints) > 1 else 0]
        out[p] = 0
        for s in range(first, last):
            user, item = user_samples[users[p], s], item_samples[items[p], s]
            score = np.float32(0)
            for a in range(k):
                score += user[a] * item[a]
            score += user[k] + item[k]
            root = np.float32(roots[users[p], s]) * per_unit
            for j in range(n_cuts):  # the function itself would take most of the time
                step = (score - np.float32(cuts[s, j])) * root + middle
                step = min(max(step, np.float32(0)), last_step)
                at = np.int32(step)
                out[p, j] += _TABLE[at, 0] + (step - np.float32(at)) * _TABLE[at, 1]
        for j in range(n_cuts):
            out[p, j] /= last - first


@compiled
def score_moments(
    users: Positions,
    items: Positions,
    user_samples: Array,
    item_samples: Array,
    first: int,
    last: int,
    means: Array,
    variances: Array,
) -> None:
    """Mean and variance of x_u . y_i + b_u + b_i over a range of samples, (n_pairs,) each."""
    k = user_samples.shape[2] - 1
    for p in range(len(users)):
        total, squares = 0.0, 0.0
        for s in range(first, last):
            user, item = user_samples[users[p], s], item_samples[items[p], s]
            score = np.float32(0)
            for a in range(k):
                score += user[a] * item[a]
            score += user[k] + item[k]
            total += score
            squares += score * score
        means[p] = total / (last - first)
        variances[p] = max(squares / (last - first) - means[p] ** 2, 0)
