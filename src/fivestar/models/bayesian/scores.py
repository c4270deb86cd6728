"""Scores of pairs of a user and an item, and their means over the kept samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fivestar.models.compiled import compiled
from fivestar.models.threads import in_threads, slices
from fivestar.ratings import Indices

Array = NDArray[np.floating]

SCORES = 1 << 19
"""Computed by a thread at a time, one of each pair and sample."""
BLOCK = 256
"""Pairs at a time: what is computed of them stays in a core's cache."""
FEW = 8
"""Samples, fewer than which are not worth copying a user's cutpoints for."""


class Samples(NamedTuple):
    """Kept samples, or some of them; see ``BayesianFactorization``."""

    user_samples: Array
    item_samples: Array
    noise_roots: Array
    cutpoints: Array

    def exceedance(self, users: Indices, items: Indices) -> Array:
        """P(z > c_j) of each pair, (n_pairs, n_levels - 1)."""
        out = np.empty((len(users), self.cutpoints.shape[2]))
        if self.user_samples.shape[1] < FEW:
            self._in_threads(_exceedance_by_pair, users, items, out)
            return out
        order = np.argsort(users, kind="stable")
        self._in_threads(_exceedance_by_user, users[order], items[order], out)
        above = np.empty_like(out)
        above[order] = out
        return above

    def moments(self, users: Indices, items: Indices) -> tuple[Array, Array]:
        """Mean and variance of each pair's score over the samples, (n_pairs,) each."""
        mean, variance = np.empty(len(users)), np.empty(len(users))
        self._in_threads(_moments, users, items, mean, variance)
        return mean, variance

    def _in_threads(
        self, compute: Callable[..., None], users: Indices, items: Indices, *out: Array
    ) -> None:
        pieces = slices(len(users), max(1, SCORES // self.user_samples.shape[1]))
        in_threads(
            lambda part: compute(users[part], items[part], self, *(each[part] for each in out)),
            pieces,
        )


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
def _exceedance_by_pair(users: Indices, items: Indices, samples: Samples, out: Array) -> None:
    _, n_samples, n_cuts = samples.cutpoints.shape
    per_user = len(samples.cutpoints) > 1
    latent, x = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    out[:] = 0
    for first in range(0, len(users), BLOCK):
        n = min(BLOCK, len(users) - first)
        for s in range(n_samples):
            for p in range(n):
                user, item = users[first + p], items[first + p]
                latent[p] = score(samples.user_samples[user, s], samples.item_samples[item, s])
            for j in range(n_cuts):
                for p in range(n):
                    user = users[first + p]
                    cut = np.float32(samples.cutpoints[user if per_user else 0, s, j])
                    x[p] = (latent[p] - cut) * np.float32(samples.noise_roots[user, s])
                for p in range(n):  # alone in its loop, which then takes many at a time
                    x[p] = _normal_cdf(x[p])
                for p in range(n):
                    out[first + p, j] += x[p] / n_samples


@compiled
def _exceedance_by_user(users: Indices, items: Indices, samples: Samples, out: Array) -> None:
    """The same; pairs of one user, one after the other, share what does not depend on the item."""
    _, n_samples, n_cuts = samples.cutpoints.shape
    latent, roots = np.empty(n_samples, np.float32), np.empty(n_samples, np.float32)
    cuts = np.empty((n_cuts, n_samples), np.float32)  # for loops over many neighbours in memory
    for p in range(len(users)):
        user, item = samples.user_samples[users[p]], samples.item_samples[items[p]]
        if p == 0 or users[p] != users[p - 1]:
            own = samples.cutpoints[users[p] if len(samples.cutpoints) > 1 else 0]
            for s in range(n_samples):
                roots[s] = samples.noise_roots[users[p], s]
                for j in range(n_cuts):
                    cuts[j, s] = own[s, j] * roots[s]
        for s in range(n_samples):
            latent[s] = score(user[s], item[s])
        for j in range(n_cuts):
            total = np.float32(0)
            for s in range(n_samples):
                total += _normal_cdf(latent[s] * roots[s] - cuts[j, s])
            out[p, j] = total / n_samples


@compiled
def _normal_cdf(x: np.float32) -> np.float32:
    """Probability that a standard normal is below x, float32, off by less than 3e-7.

    The error function between -4 and 4 as a quotient of polynomials, which were fitted to
    SciPy's ``erf`` by least squares: without a branch, so that many are computed at a time.
    """
    z = min(max(x * np.float32(0.70710678), np.float32(-4)), np.float32(4))
    y = z * z
    top = y * np.float32(1.92172056e-08) + np.float32(-1.99032183e-06)
    top = y * top + np.float32(0.000155536865)
    top = y * top + np.float32(0.00429305481)
    top = y * top + np.float32(0.0524334759)
    top = y * top + np.float32(0.213944748)
    top = y * top + np.float32(1.12837863)
    low = y * np.float32(0.00109803851) + np.float32(0.0155510949)
    low = y * low + np.float32(0.120799638)
    low = y * low + np.float32(0.522931218)
    low = y * low + np.float32(1)
    return np.float32(0.5) + np.float32(0.5) * z * top / low


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
