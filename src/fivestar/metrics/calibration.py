"""Calibration: how far predicted probabilities agree with the ratings."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fivestar.ratings import Indices

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Nominal fractions of ratings that intervals are checked at."""
BLOCK = 1 << 18
"""Ratings checked at a time: bounds the memory of their probabilities."""


class Distribution(Protocol):
    """Predicted probabilities of ratings, as models give them."""

    @property
    def ratings(self) -> NDArray[np.floating]:
        """(n_levels,) in rising order."""

    def probabilities(self, users: Indices, items: Indices) -> NDArray[np.float32]:
        """(n_pairs, n_levels); rows sum to 1."""


def coverages(
    distribution: Distribution, users: Indices, items: Indices, actual: ArrayLike
) -> dict[str, float]:
    """Fraction of ratings inside the intervals of each nominal level, as ``coverage_90``."""
    given, rng, levels = np.asarray(actual), np.random.default_rng(0), distribution.ratings
    parts = [slice(start, start + BLOCK) for start in range(0, len(given), BLOCK)]
    pit = np.concatenate(
        [
            randomised_pit(distribution.probabilities(users[p], items[p]), given[p], levels, rng)
            for p in parts
        ]
    )
    return {f"coverage_{100 * level:.0f}": coverage(pit, level) for level in LEVELS}


def randomised_pit(
    probabilities: NDArray[np.floating],
    actual: ArrayLike,
    levels: ArrayLike,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Randomised probability integral transform of ratings under predicted distributions.

    With F_p the predicted distribution function of pair p and v uniform on (0, 1),

        pit_p = P_p(rating < r_p) + v P_p(rating = r_p),

    which is uniform on (0, 1) exactly where the predicted probabilities are right, although
    the ratings are discrete. (Czado, Gneiting, Held, "Predictive Model Assessment for Count Data",
    2009.) An interval of whole levels always holds more than its nominal fraction; this does not.

    Parameters
    ----------
    probabilities
        (n_pairs, n_levels); rows sum to 1.
    actual
        (n_pairs,) ratings given. One that is no level lies between its neighbours.
    levels
        (n_levels,) in rising order.
    rng
        Of v.

    Returns
    -------
    (n_pairs,) between 0 and 1.
    """
    values = np.asarray(levels, dtype=np.float64)
    given = np.asarray(actual, dtype=np.float64)
    below = np.pad(np.cumsum(probabilities, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    # Half a float32 rounding: 3.7 read as float32 is still the level 3.7.
    slack = 1e-6 * np.maximum(np.abs(given), 1)
    rows = np.arange(len(given))
    low = below[rows, np.searchsorted(values, given - slack, side="left")]
    high = below[rows, np.searchsorted(values, given + slack, side="right")]
    pit: NDArray[np.float64] = low + rng.random(len(given)) * (high - low)
    return np.clip(pit, 0, 1)


def coverage(pit: NDArray[np.floating], level: float) -> float:
    """Fraction of ratings inside the central interval of this nominal level, 0.9 for instance."""
    return float(np.mean(coverage_hits(pit, level)))


def coverage_hits(pit: NDArray[np.floating], level: float) -> NDArray[np.bool_]:
    """Which ratings lie inside the central interval of this nominal level."""
    hits: NDArray[np.bool_] = np.abs(np.asarray(pit) - 0.5) <= level / 2
    return hits
