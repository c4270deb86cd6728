"""Whether predicted chances come true."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fivestar.ratings import Positions

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Nominal shares of ratings that intervals are checked at."""


@runtime_checkable
class Probabilistic(Protocol):
    """A model that gives each star a chance."""

    stars: NDArray[np.floating]

    def predict_distribution(self, users: Positions, items: Positions) -> NDArray[np.float32]:
        """Chances (n_pairs, n_stars)."""

    def predict_interval(
        self, users: Positions, items: Positions, coverage: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Ends, (n_pairs,) stars each, of an interval that holds this share of ratings."""


def coverages(
    model: Probabilistic, users: Positions, items: Positions, actual: ArrayLike
) -> dict[str, float]:
    """Share of ratings inside the intervals of each nominal level, as ``coverage_90``."""
    chances = model.predict_distribution(users, items)
    pit = randomised_pit(chances, actual, model.stars, np.random.default_rng(0))
    return {f"coverage_{100 * level:.0f}": coverage(pit, level) for level in LEVELS}


def randomised_pit(
    distribution: NDArray[np.floating],
    actual: ArrayLike,
    stars: ArrayLike,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Randomised probability integral transform of ratings under predicted distributions.

    With F_p the predicted distribution function of pair p and v uniform on (0, 1),

        pit_p = P_p(star < r_p) + v P_p(star = r_p),

    which is uniform on (0, 1) exactly where the predicted chances are right, although the
    stars are discrete. (Czado, Gneiting, Held, "Predictive Model Assessment for Count Data",
    2009.) An interval of whole stars always holds more than its nominal share; this does not.

    Parameters
    ----------
    distribution
        (n_pairs, n_stars) chances; rows sum to 1.
    actual
        (n_pairs,) ratings given. One that is not among ``stars`` lies between its neighbours.
    stars
        (n_stars,) in rising order.
    rng
        Of v.

    Returns
    -------
    (n_pairs,) between 0 and 1.
    """
    values = np.asarray(stars, dtype=np.float64)
    given = np.asarray(actual, dtype=np.float64)
    below = np.pad(np.cumsum(distribution, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    # Half a float32 rounding: 3.7 read as float32 is still the star 3.7.
    slack = 1e-6 * np.maximum(np.abs(given), 1)
    rows = np.arange(len(given))
    low = below[rows, np.searchsorted(values, given - slack, side="left")]
    high = below[rows, np.searchsorted(values, given + slack, side="right")]
    pit: NDArray[np.float64] = low + rng.random(len(given)) * (high - low)
    return np.clip(pit, 0, 1)


def coverage(pit: NDArray[np.floating], level: float) -> float:
    """Share of ratings inside the central interval of this nominal level, 0.9 for instance."""
    return float(np.mean(np.abs(np.asarray(pit) - 0.5) <= level / 2))
