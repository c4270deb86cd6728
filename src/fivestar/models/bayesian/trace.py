"""The course of a chain: RMSE of the mean of its samples so far, and of the latest alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fivestar.metrics import rmse
from fivestar.ratings import Positions

Array = NDArray[np.floating]


class RunningMean:
    """RMSE on some pairs as the samples come in.

    Parameters
    ----------
    ratings
        (n_pairs,) given.
    otherwise
        (n_pairs,) predictions where the model has none of its own.
    known
        (n_pairs,) where it has.
    expected
        Stars of the known pairs under one sample, by its place.
    finish
        What is done to a mean before it is a prediction: clamping, for instance.
    """

    def __init__(
        self,
        ratings: Array,
        otherwise: Array,
        known: NDArray[np.bool_],
        expected: Callable[[int], Array],
        finish: Callable[[Array], Array],
    ) -> None:
        self.ratings = ratings
        self.stars = otherwise.astype(np.float64)
        self.known = known
        self.expected = expected
        self.finish = finish
        self.total = np.zeros(int(known.sum()))
        self.count = 0

    def add(self, place: int, counts: bool) -> tuple[float, float]:
        """RMSE of the mean and of the sample; during burn-in, not counted, both of the sample."""
        latest = self.expected(place)
        alone = self._rmse(latest)
        if not counts:
            return alone, alone
        self.total += latest
        self.count += 1
        return self._rmse(self.total / self.count), alone

    def _rmse(self, stars: Array) -> float:
        self.stars[self.known] = stars
        return rmse(self.ratings, self.finish(self.stars))


def sampled(
    part: tuple[Positions, Positions, Array], at_most: int | None
) -> tuple[Positions, Positions, Array]:
    """At most so many of the users, items and ratings, always the same ones."""
    if at_most is None or len(part[2]) <= at_most:
        return part
    chosen = np.random.default_rng(0).choice(len(part[2]), at_most, replace=False)
    users, items, ratings = part
    return users[chosen], items[chosen], ratings[chosen]


def kept_sweeps(n_burn_in: int, n_steps: int, n_kept: int) -> NDArray[np.intp]:
    """Numbers of the sweeps whose samples are kept: evenly spread, the last one among them."""
    n_kept = min(n_kept, n_steps)
    return n_burn_in + (np.arange(1, n_kept + 1) * n_steps) // n_kept
