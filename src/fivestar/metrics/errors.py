"""Errors of predicted ratings against the ratings that were given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

BLOCK = 1 << 20
"""Ratings compared at a time: bounds the memory of their differences."""


def mse(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Mean squared error, in squared stars."""
    return _mean(np.square, actual, predicted)


def rmse(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Root of the mean squared error, in stars.

    >>> rmse([4, 2, 5], [3, 2, 4])
    0.816496580927726
    """
    return float(np.sqrt(mse(actual, predicted)))


def mae(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error, in stars.

    >>> mae([4, 2], [3, 2])
    0.5
    """
    return _mean(np.abs, actual, predicted)


def gaussian_nll(actual: ArrayLike, predicted: ArrayLike, sigma: float) -> float:
    """Negative log-likelihood per rating of r ~ N(prediction, sigma^2), in nats.

    log(2 pi sigma^2) / 2 + MSE / (2 sigma^2); least where sigma is the RMSE (docs/likelihood.md).

    Parameters
    ----------
    sigma
        Standard deviation of the noise, in stars; a sigma of 0 (a perfect fit) gives -inf.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.float64(sigma) ** 2
        error = mse(actual, predicted)
        penalty = error / (2 * spread) if error else 0.0
        return float(np.log(2 * np.pi * spread) / 2 + penalty)


def _mean(
    of_differences: Callable[[FloatArray], FloatArray], actual: ArrayLike, predicted: ArrayLike
) -> float:
    given, guessed = np.asarray(actual), np.asarray(predicted)
    if given.shape != guessed.shape:
        raise ValueError(f"shapes differ: actual {given.shape}, predicted {guessed.shape}")
    if given.size == 0:
        raise ValueError("no ratings to compare")
    total = 0.0
    for start in range(0, len(given), BLOCK):
        part = slice(start, start + BLOCK)
        # float64: the mean of millions of float32 squares loses digits.
        difference = np.subtract(guessed[part], given[part], dtype=np.float64)
        total += float(of_differences(difference).sum())
    return total / given.size
