"""What other settings gain on the same ratings, and how sure that is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fivestar.ratings import Indices

N_RESAMPLES = 2000
"""Of the users."""
LEVEL = 0.95
"""Probability that the interval holds the gain."""


class Gain(NamedTuple):
    """RMSE before and after, and the ends of the interval of its fall."""

    before: float
    after: float
    low: float
    high: float

    @property
    def fall(self) -> float:
        return self.before - self.after

    @property
    def significant(self) -> bool:
        """Whether the RMSE falls for sure, as far as ``LEVEL`` goes."""
        return self.low > 0


def gain(users: Indices, before: NDArray[np.floating], after: NDArray[np.floating]) -> Gain:
    """Of errors of two models on the same ratings.

    The interval is of percentiles over users drawn with replacement, each with all their
    ratings: errors of one user are not independent. (Efron and Tibshirani, "An Introduction to
    the Bootstrap", 1993, chapter 13.)

    Parameters
    ----------
    users, before, after
        (n_ratings,) whose rating it is, and what it was predicted wrong by.
    """
    _, of_user = np.unique(users, return_inverse=True)
    columns = (np.ones(len(users)), np.square(before, dtype=float), np.square(after, dtype=float))
    sums = np.stack([np.bincount(of_user, column).astype(float) for column in columns])
    random, n_users = np.random.default_rng(0), sums.shape[1]
    falls = []
    for _ in range(N_RESAMPLES):
        drawn = np.bincount(random.integers(n_users, size=n_users), minlength=n_users)
        falls.append(np.subtract(*_roots(sums @ drawn.astype(float))))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(falls, [tail, 1 - tail])
    return Gain(*_roots(sums.sum(axis=1)), float(low), float(high))


def _roots(sums: NDArray[np.float64]) -> tuple[float, float]:
    """RMSE before and after, of the number of ratings and two sums of squares."""
    n_ratings, *squares = sums.tolist()
    before, after = (float(np.sqrt(each / n_ratings)) for each in squares)
    return before, after
