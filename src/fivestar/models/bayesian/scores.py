"""Scores of pairs of a user and an item, and their means over the kept samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from fivestar.models.compiled import compiled
from fivestar.ratings import Indices

Array = NDArray[np.floating]

REACH = 8.0
"""Beyond it the normal distribution function is 0 or 1 in float32."""
STEPS = 1 << 12
"""Of its table, on each side of zero: linear interpolation is off by less than 1e-6."""
_POINTS = ndtr(np.linspace(-REACH, REACH, 2 * STEPS + 1))
_TABLE = np.column_stack([_POINTS[:-1], np.diff(_POINTS)]).astype(np.float32)
"""Value and rise of each step."""


class Samples(NamedTuple):
    """Kept samples, or some of them; see ``BayesianFactorization``."""

    user_samples: Array
    item_samples: Array
    noise_roots: Array
    cutpoints: Array

    def exceedance(self, users: Indices, items: Indices) -> Array:
        """P(z > c_j) of each pair, (n_pairs, n_levels - 1)."""
        out = np.empty((len(users), self.cutpoints.shape[2]))
        _exceedance(users, items, self, out)
        return out

    def moments(self, users: Indices, items: Indices) -> tuple[Array, Array]:
        """Mean and variance of each pair's score over the samples, (n_pairs,) each."""
        mean, variance = np.empty(len(users)), np.empty(len(users))
        _moments(users, items, self, mean, variance)
        return mean, variance


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
    starts: Indices, columns: NDArray[np.integer], users: Array, items: Array, out: Array
) -> None:
    """Scores of all ratings in CSR order, written to ``out``, (n_ratings,)."""
    for row in range(len(starts) - 1):
        for p in range(starts[row], starts[row + 1]):
            out[p] = score(users[row], items[columns[p]])


@compiled
def _exceedance(users: Indices, items: Indices, samples: Samples, out: Array) -> None:
    _, n_samples, n_cuts = samples.cutpoints.shape
    per_unit, middle = np.float32(STEPS / REACH), np.float32(STEPS)
    last_step = np.float32(2 * STEPS - 1e-3)
    for p in range(len(users)):
        user, item = samples.user_samples[users[p]], samples.item_samples[items[p]]
        cuts = samples.cutpoints[users[p] if len(samples.cutpoints) > 1 else 0]
        out[p] = 0
        for s in range(n_samples):
            latent = score(user[s], item[s])
            root = np.float32(samples.noise_roots[users[p], s]) * per_unit
            for j in range(n_cuts):  # the function itself would take most of the time
                step = (latent - np.float32(cuts[s, j])) * root + middle
                step = min(max(step, np.float32(0)), last_step)
                at = np.int32(step)
                out[p, j] += _TABLE[at, 0] + (step - np.float32(at)) * _TABLE[at, 1]
        for j in range(n_cuts):
            out[p, j] /= n_samples


@compiled
def _moments(
    users: Indices, items: Indices, samples: Samples, means: Array, variances: Array
) -> None:
    n_samples = samples.user_samples.shape[1]
    for p in range(len(users)):
        user, item = samples.user_samples[users[p]], samples.item_samples[items[p]]
        total, squares = 0.0, 0.0
        for s in range(n_samples):
            latent = score(user[s], item[s])
            total += latent
            squares += latent * latent
        means[p] = total / n_samples
        variances[p] = max(squares / n_samples - means[p] ** 2, 0)
