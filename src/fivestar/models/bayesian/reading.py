"""Compiled means over kept samples: chances and moments of pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivestar.models.bayesian.probit import normal_cdf
from fivestar.models.bayesian.sampling import compiled
from fivestar.ratings import Positions

Array = NDArray[np.floating]


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
    for p in range(len(users)):
        cuts = cutpoints[users[p] if len(cutpoints) > 1 else 0]
        out[p] = 0
        for s in range(first, last):
            user, item = user_samples[users[p], s], item_samples[items[p], s]
            score = np.float32(0)
            for a in range(k):
                score += user[a] * item[a]
            score += user[k] + item[k]
            for j in range(n_cuts):
                out[p, j] += normal_cdf((score - cuts[s, j]) * roots[users[p], s])
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
