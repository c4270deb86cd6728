"""Probabilities of ratings, and intervals, of a model that is normal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fivestar.models.bayesian.distribution import shortest_decimals
from fivestar.models.bayesian.factorization import GRID, MAX_LEVELS
from fivestar.ratings import Indices

if TYPE_CHECKING:
    from fivestar.models.gaussian.nonparametric_pca import NonparametricPCA

Array = NDArray[np.floating]


def levels_of(ratings: Array, ends: tuple[float, float]) -> tuple[Array, Array]:
    """The ratings that there are, or an even grid where they are many; and how frequent."""
    levels, counts = np.unique(ratings, return_counts=True)
    if len(levels) > MAX_LEVELS:
        levels = np.linspace(*ends, GRID)
        middles = (levels[1:] + levels[:-1]) / 2
        counts = np.bincount(np.searchsorted(middles, ratings), minlength=GRID)
    return levels.astype(np.float32), (counts / len(ratings)).astype(np.float32)


@dataclass(frozen=True)
class NormalDistribution:
    """The normal distribution of a rating, noise included, and what it says of the levels.

    A level has the probability of what is nearer to it than to the others. Pairs that
    ``predict`` falls back for get the fractions of the ratings in train.
    """

    model: NonparametricPCA

    @property
    def ratings(self) -> NDArray[np.float64]:
        """(n_levels,) in rising order: those of train, or an even grid on a continuous scale."""
        levels = self.model.levels.astype(np.float64) * self.model.unit
        return shortest_decimals(levels, 1e-6 * self.model.unit)

    def probabilities(self, users: Indices, items: Indices) -> NDArray[np.float32]:
        """(n_pairs, n_levels); rows sum to 1."""
        model, users, items = self.model, np.asarray(users), np.asarray(items)
        probabilities = np.tile(model.level_fractions, (len(users), 1))
        known = np.flatnonzero(model._knows(users, items))
        mean, deviation = self._moments(users[known], items[known])
        middles = (model.levels[1:] + model.levels[:-1]) / 2
        below = ndtr((middles - mean[:, None]) / deviation[:, None])
        below = np.pad(below, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
        probabilities[known] = np.diff(below, axis=1)
        return probabilities

    def interval(
        self, users: Indices, items: Indices, coverage: float = 0.9
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lower and upper ends, (n_pairs,) each, of the normal distribution's central interval.

        They are no levels but numbers between. Fallbacks get quantiles of the ratings in train.
        """
        model, users, items = self.model, np.asarray(users), np.asarray(items)
        tail = (1 - coverage) / 2
        below = np.cumsum(model.level_fractions, dtype=np.float64)
        # The tolerance: a sum of float32 may fall short of the whole by its rounding.
        at = np.minimum(np.searchsorted(below, [tail - 1e-6, 1 - tail - 1e-6]), len(below) - 1)
        lower, upper = np.tile(self.ratings[at], (len(users), 1)).T
        known = np.flatnonzero(model._knows(users, items))
        mean, deviation = self._moments(users[known], items[known])
        half = ndtri(1 - tail) * deviation
        lower[known], upper[known] = model.unit * (mean - half), model.unit * (mean + half)
        if model.clamp:
            lower, upper = np.clip(lower, *model.ends), np.clip(upper, *model.ends)
        return lower.astype(np.float32), upper.astype(np.float32)

    def _moments(self, users: Indices, items: Indices) -> tuple[Array, Array]:
        """Mean and standard deviation in units."""
        return self.model._score(users, items), np.sqrt(self.model.variances(users, items))
