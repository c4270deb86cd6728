"""What other settings gain on the same ratings, and how sure that is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fivestar.metrics.significance import difference, half_samples, interval
from fivestar.ratings import Indices

N_RESAMPLES = 2000
"""Of the users."""
CONFIDENCE = 0.95
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
        """Whether the RMSE falls for sure, as far as ``CONFIDENCE`` goes."""
        return self.low > 0


def gain(users: Indices, before: NDArray[np.floating], after: NDArray[np.floating]) -> Gain:
    """Of errors of two models on the same ratings.

    The interval is by random half-samples of the users (see ``metrics.significance``), for
    errors of one user are not independent.

    Parameters
    ----------
    users, before, after
        (n_ratings,) whose rating it is, and what it was predicted wrong by.
    """
    _, of_user = np.unique(users, return_inverse=True)
    squares = [np.square(errors, dtype=np.float64) for errors in (before, after)]
    sums = np.column_stack([np.bincount(of_user, each).astype(np.float64) for each in squares])
    n_ratings = np.bincount(of_user).astype(np.float64)
    halves = half_samples(sums, n_ratings, N_RESAMPLES, seed=0)
    low, high = interval(difference(halves, 0, 1), CONFIDENCE)
    errors = np.sqrt([each.mean() for each in squares])
    return Gain(float(errors[0]), float(errors[1]), low, high)
