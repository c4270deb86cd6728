"""Probabilities of ratings, and intervals, by the samples of a posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fivestar.models.base import BLOCK
from fivestar.models.levels import TOLERANCE, in_ratings, level_at
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
        return in_ratings(self.model.levels, self.model.unit)

    def probabilities(self, users: Indices, items: Indices) -> NDArray[np.float32]:
        """(n_pairs, n_levels); rows sum to 1."""
        model, users, items = self.model, np.asarray(users), np.asarray(items)
        probabilities = np.tile(model.level_fractions.astype(np.float32), (len(users), 1))
        known = np.flatnonzero(model._knows(users, items))
        for start in range(0, len(known), BLOCK):
            block = known[start : start + BLOCK]
            above = model.samples.exceedance(users[block], items[block])
            above = np.pad(above, ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0)))
            probabilities[block] = np.maximum(-np.diff(above, axis=1), 0)  # but for rounding
        return probabilities

    def interval(
        self,
        users: Indices,
        items: Indices,
        coverage: float = 0.9,
        kind: Literal["whole", "continuous"] = "whole",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lower and upper ends, (n_pairs,) each, of a central interval.

        Numbers: mean and variance of the samples and the noise together, as a normal
        distribution, whichever the kind.

        Parameters
        ----------
        coverage
            Fraction of the ratings to hold.
        kind
            Of ordered levels. ``whole`` gives the levels at the lower and the upper quantile,
            both inside: it holds at least this fraction of the ratings, usually far more.
            ``continuous`` spreads each level's probability evenly over all that is nearer to
            it than to its neighbours, inside the scale of the levels, and gives the quantiles
            of that: it holds this fraction of ratings that are spread alike, and lies inside
            what is nearest to the whole levels.
        """
        model, users, items = self.model, np.asarray(users), np.asarray(items)
        tail = (1 - coverage) / 2
        below = np.cumsum(self.probabilities(users, items), axis=1, dtype=np.float64)
        quantile = self._level_at if kind == "whole" else self._spread_at
        lower, upper = quantile(below, tail), quantile(below, 1 - tail)
        if not model.ordinal:
            known = np.flatnonzero(model._knows(users, items))
            mean, variance = model.samples.moments(users[known], items[known])
            noise = model.noise_roots[users[known]].astype(np.float64) ** -2
            half = ndtri(1 - tail) * np.sqrt(variance + noise.mean(1))
            lower[known], upper[known] = model.unit * (mean - half), model.unit * (mean + half)
            if model.clamp:
                lower, upper = np.clip(lower, *model.ends), np.clip(upper, *model.ends)
        return lower.astype(np.float32), upper.astype(np.float32)

    def _level_at(self, below: NDArray[np.float64], p: float) -> NDArray[np.float64]:
        """The levels at a quantile, given cumulative probabilities, (n_pairs, n_levels)."""
        return self.ratings[level_at(below, p)]

    def _spread_at(self, below: NDArray[np.float64], p: float) -> NDArray[np.float64]:
        """The quantile with each level's probability spread evenly up to its neighbours."""
        ratings, rows = self.ratings, np.arange(len(below))
        edges = np.concatenate([ratings[:1], (ratings[1:] + ratings[:-1]) / 2, ratings[-1:]])
        at, cumulative = level_at(below, p), np.pad(below, ((0, 0), (1, 0)))
        low, high = cumulative[rows, at], cumulative[rows, at + 1]
        share = np.clip((p - low) / np.maximum(high - low, TOLERANCE), 0, 1)
        spread: NDArray[np.float64] = edges[at] + share * (edges[at + 1] - edges[at])
        return spread
