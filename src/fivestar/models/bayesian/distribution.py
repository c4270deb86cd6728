"""Probabilities of ratings, and intervals, by the samples of a posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fivestar.models.base import BLOCK
from fivestar.ratings import Indices

if TYPE_CHECKING:
    from fivestar.models.bayesian.factorization import BayesianFactorization


@dataclass(frozen=True)
class PosteriorDistribution:
    """What the samples say of ratings, their noise included.

    Pairs that ``predict`` falls back for get the fractions of the ratings in train.
    """

    model: BayesianFactorization

    @property
    def ratings(self) -> NDArray[np.float64]:
        """(n_levels,) in rising order: those of train, or an even grid on a continuous scale."""
        levels = self.model.levels.astype(np.float64) * self.model.unit
        return shortest_decimals(levels, 1e-6 * self.model.unit)

    def probabilities(self, users: Indices, items: Indices) -> NDArray[np.float32]:
        """(n_pairs, n_levels); rows sum to 1."""
        model, users, items = self.model, np.asarray(users), np.asarray(items)
        probabilities = np.tile(model.level_fractions.astype(np.float32), (len(users), 1))
        known = np.flatnonzero(model._knows(users, items))
        for start in range(0, len(known), BLOCK):
            block = known[start : start + BLOCK]
            above = model.samples.exceedance(users[block], items[block])
            above = np.pad(above, ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0)))
            probabilities[block] = -np.diff(above, axis=1)
        return probabilities

    def interval(
        self, users: Indices, items: Indices, coverage: float = 0.9
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lower and upper ends, (n_pairs,) each; they hold at least this fraction of ratings.

        Ordered levels: those at the lower and the upper quantile, both inside, so that the
        interval usually holds more. Numbers: mean and variance of the samples and the noise
        together, as a normal distribution.
        """
        model, users, items = self.model, np.asarray(users), np.asarray(items)
        tail = (1 - coverage) / 2
        below = np.cumsum(self.probabilities(users, items), axis=1, dtype=np.float64)
        # The tolerance: a sum of float32 may fall short of the whole by its rounding.
        lower, upper = (
            self.ratings[np.minimum((below < level - 1e-6).sum(1), below.shape[1] - 1)]
            for level in (tail, 1 - tail)
        )
        if not model.ordinal:
            known = np.flatnonzero(model._knows(users, items))
            mean, variance = model.samples.moments(users[known], items[known])
            noise = model.noise_roots[users[known]].astype(np.float64) ** -2
            half = ndtri(1 - tail) * np.sqrt(variance + noise.mean(1))
            lower[known], upper[known] = model.unit * (mean - half), model.unit * (mean + half)
            if model.clamp:
                lower, upper = np.clip(lower, *model.ends), np.clip(upper, *model.ends)
        return lower.astype(np.float32), upper.astype(np.float32)


def shortest_decimals(values: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Values with as few decimals as the tolerance allows: 0.5 instead of 0.4999995."""
    shortest = values
    for decimals in range(9, -1, -1):
        rounded = np.round(values, decimals)
        shortest = np.where(np.abs(rounded - values) <= tolerance, rounded, shortest)
    return shortest
