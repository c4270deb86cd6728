"""What a factorisation is fitted to: all ratings or some, rescaled, evenly weighted or not."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import sparse

from fivestar.models.base import FloatArray
from fivestar.ratings import csr_matrix, observed

Scaling = Literal["none", "standardise", "min_max"]
Weighting = Literal["none", "balanced", "upsample"]


def random_fraction(train: sparse.csr_array, fraction: float, seed: int) -> sparse.csr_array:
    """A random fraction of the ratings, at least one."""
    if fraction >= 1:
        return train
    users, items, ratings = observed(train)
    n_kept = max(1, round(fraction * len(ratings)))
    kept = np.sort(np.random.default_rng(seed).choice(len(ratings), n_kept, replace=False))
    return csr_matrix(users[kept], items[kept], ratings[kept], train.shape)


def shift_and_scale(
    ratings: FloatArray,
    ends: tuple[float, float],
    scaling: Scaling,
    centred: bool,
    weights: FloatArray | None = None,
) -> tuple[float, float]:
    """Fitted to (r - shift) / scale; predictions are turned back.

    Parameters
    ----------
    scaling
        ``standardise`` gives mean 0 and standard deviation 1; ``min_max`` maps the ends of the
        scale to 0 and 1, less the mean where ``centred``.
    centred
        Whether the mean is taken from the ratings in any case.
    weights
        How much each rating counts in mean and standard deviation.
    """
    mean = float(ratings.mean(dtype=np.float64))
    deviation = float(ratings.std(dtype=np.float64))
    if weights is not None:
        mean = float(np.average(ratings, weights=weights))
        deviation = float(np.sqrt(np.average((ratings - mean) ** 2, weights=weights)))
    match scaling:
        case "none":
            return (mean if centred else 0.0), 1.0
        case "standardise":
            return mean, deviation or 1.0
        case "min_max":
            return (mean if centred else float(ends[0])), float(ends[1] - ends[0])


def weights_of_levels(ratings: FloatArray, weights: FloatArray) -> FloatArray:
    """The distinct ratings in rising order, and the mean weight of each, (2, n_levels)."""
    levels, level = np.unique(ratings, return_inverse=True)
    means = np.bincount(level, weights) / np.bincount(level)
    return np.stack([levels, means]).astype(np.float32)


def rating_weights(ratings: FloatArray, weighting: Weighting, seed: int) -> FloatArray | None:
    """Weight of each rating in the loss, of mean 1; None where all are 1.

    ``balanced`` gives every level the same total weight, as scikit-learn's ``class_weight``.
    ``upsample`` draws the ratings of each level with replacement until there are as many as of
    the most frequent one; a rating weighs as often as it was drawn.
    """
    if weighting == "none":
        return None
    _, level, counts = np.unique(ratings, return_inverse=True, return_counts=True)
    if weighting == "balanced":
        weights: FloatArray = len(ratings) / (len(counts) * counts[level])
        return weights.astype(np.float32)
    rng = np.random.default_rng(seed)
    drawn: FloatArray = np.ones(len(ratings))
    for number, count in enumerate(counts):
        of_level = np.flatnonzero(level == number)
        extra = rng.choice(of_level, counts.max() - count)
        drawn += np.bincount(extra, minlength=len(ratings))
    of_mean_1: FloatArray = drawn / drawn.mean()
    return of_mean_1.astype(np.float32)
