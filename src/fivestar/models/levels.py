"""The ratings that can be given, as ordered levels, and quantiles of their probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivestar.ratings import Indices

MAX_LEVELS = 20
"""Distinct ratings in train that are taken for levels; with more the scale is a continuum."""
GRID = 41
"""Levels that stand for a continuous scale."""
TOLERANCE = 1e-6
"""A sum of float32 probabilities may fall short of the whole by its rounding."""


def levels_of(
    ratings: NDArray[np.floating], ends: tuple[float, float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The ratings that there are, or an even grid where they are many; and how frequent."""
    levels, counts = np.unique(ratings, return_counts=True)
    if len(levels) > MAX_LEVELS:
        levels = np.linspace(*ends, GRID)
        middles = (levels[1:] + levels[:-1]) / 2
        counts = np.bincount(np.searchsorted(middles, ratings), minlength=GRID)
    return levels.astype(np.float32), (counts / len(ratings)).astype(np.float32)


def in_ratings(levels: NDArray[np.float32], unit: float) -> NDArray[np.float64]:
    """Levels in units as the ratings that they are, 0.5 instead of 0.4999995."""
    return shortest_decimals(levels.astype(np.float64) * unit, TOLERANCE * unit)


def shortest_decimals(values: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Values with as few decimals as the tolerance allows."""
    shortest = values
    for decimals in range(9, -1, -1):
        rounded = np.round(values, decimals)
        shortest = np.where(np.abs(rounded - values) <= tolerance, rounded, shortest)
    return shortest


def level_at(below: NDArray[np.float64], p: float) -> Indices:
    """Index of the first level at which the cumulative probability reaches p.

    Parameters
    ----------
    below
        (n_pairs, n_levels) cumulative probabilities.
    """
    reached: Indices = np.minimum((below < p - TOLERANCE).sum(1), below.shape[1] - 1)
    return reached
