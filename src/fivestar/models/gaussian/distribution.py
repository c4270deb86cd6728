"""Probabilities of ratings, and intervals, of a model that is normal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fivestar.models.levels import in_ratings, level_at
from fivestar.ratings import Indices

if TYPE_CHECKING:
    from fivestar.models.gaussian.nonparametric_pca import NonparametricPCA

Array = NDArray[np.floating]


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
        return in_ratings(self.model.levels, self.model.unit)

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
        below = np.cumsum(model.level_fractions, dtype=np.float64)[None]
        lower, upper = (
            np.tile(self.ratings[level_at(below, p)], len(users)) for p in (tail, 1 - tail)
        )
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
