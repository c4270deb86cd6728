r"""How sure differences between models are, on the same test ratings or over folds.

**Random half-samples.** Each resample puts every user, with all their ratings, into one half or
the other by the toss of a coin, and measures a statistic (the RMSE of a model, the difference of
two RMSE) in both halves. The p-value of the hypothesis that its true value is v is the fraction of
resamples in which v lies between the halves; the interval holds the values with p > alpha
(Hartigan, "Using Subsample Values as Typical Values", 1969).

For a difference this is the wild cluster bootstrap with the null hypothesis imposed (Cameron,
Gelbach, Miller, "Bootstrap-Based Improvements for Inference with Clustered Errors", 2008),
inverted: with S_au and S_bu the sums of the squared errors of user u, and signs s_u = +1 or -1 for
the halves, 0 lies between the halves exactly if

    |sum_u s_u (S_au - S_bu)| >= |sum_u (S_au - S_bu)|.

So the level is exact, with few users of very different sizes too, if the two models might as well
change places in the errors of any user. The percentile bootstrap rejects too often there
(docs/significance.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

CHUNK = 8_000_000
"""Users times resamples that are held at once: 64 MB."""
EQUAL = 1e-12
"""Differences below this fraction of the RMSE are rounding."""


def half_samples(
    squared_errors: FloatArray, n_ratings: FloatArray, n_resamples: int, seed: int
) -> FloatArray:
    """RMSE of each model in both halves of the users.

    Parameters
    ----------
    squared_errors
        (n_users, n_models) sums over the ratings of a user, in squared stars.
    n_ratings
        (n_users,) how many these are.

    Returns
    -------
    (2, n_resamples, n_models); NaN in a half without users.
    """
    return np.sqrt(np.maximum(half_means(squared_errors, n_ratings, n_resamples, seed), 0))


def half_means(sums: FloatArray, n_ratings: FloatArray, n_resamples: int, seed: int) -> FloatArray:
    """Means over the ratings in both halves of the users.

    The halves depend on the number of users and the seed only, so two sets of ratings by the same
    users are halved alike.

    Parameters
    ----------
    sums
        (n_users, n_values) sums over the ratings of a user.
    n_ratings
        (n_users,) how many these are.

    Returns
    -------
    (2, n_resamples, n_values); NaN in a half without ratings.
    """
    sums = np.column_stack([sums, n_ratings]).astype(np.float64)
    n_users = len(sums)
    rng = np.random.default_rng(seed)
    size = max(1, CHUNK // n_users)
    halves = np.empty((2, n_resamples, sums.shape[1] - 1))
    for start in range(0, n_resamples, size):
        drawn = slice(start, min(start + size, n_resamples))
        words = rng.integers(0, 2**64, (drawn.stop - start, -(-n_users // 64)), dtype=np.uint64)
        coins = np.unpackbits(words.view(np.uint8), axis=1, count=n_users)
        one = coins.astype(np.float64) @ sums
        for half, (*totals, counts) in enumerate((one.T, (sums.sum(axis=0) - one).T)):
            with np.errstate(divide="ignore", invalid="ignore"):
                halves[half, drawn] = np.where(counts > 0, np.divide(totals, counts), np.nan).T
    return halves


def difference(halves: FloatArray, a: int, b: int) -> FloatArray:
    """RMSE of model a minus RMSE of model b in both halves, (2, n_resamples)."""
    values: FloatArray = halves[:, :, a] - halves[:, :, b]
    # Equal columns of a matrix product may differ in their last digits.
    return np.where(np.abs(values) <= EQUAL * halves[:, :, a], 0, values)


def interval(halves: FloatArray, confidence: float) -> tuple[float, float]:
    """The values that are not rejected at the level 1 - confidence.

    Parameters
    ----------
    halves
        (2, n_resamples) of a statistic; NaN where a half is empty.

    Returns
    -------
    low, high
        NaN where there is no bound: at 95 %, with fewer than six users.
    """
    low, high = _ends(halves)
    # The most resamples that still reject: p = (1 + resamples) / (1 + n_resamples).
    rank = int(round((1 - confidence) * (len(low) + 1), 6))
    if rank < 1:
        raise ValueError(f"{len(low)} resamples are too few for a confidence of {confidence}")
    ends = np.partition(low, rank - 1)[rank - 1], -np.partition(-high, rank - 1)[rank - 1]
    lowest, highest = (float(end) if np.isfinite(end) else np.nan for end in ends)
    return lowest, highest


def p_value(halves: FloatArray) -> float:
    """Of the null hypothesis that the statistic is 0, two-sided; halves as in ``interval``."""
    low, high = _ends(halves)
    return float(1 + np.count_nonzero((low <= 0) & (high >= 0))) / (1 + len(low))


def _ends(halves: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The smaller and the larger of both halves; without bounds if one is empty."""
    low, high = halves.min(axis=0), halves.max(axis=0)
    return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)


def corrected_t_test(
    differences: ArrayLike, test_per_train: float, confidence: float
) -> tuple[float, float, float]:
    """Corrected resampled t-test of differences over folds.

    Training parts overlap, so folds are not independent. With n folds, mean d and variance s^2,

        t = d / sqrt((1 / n + n_test / n_train) s^2),   n - 1 degrees of freedom.

    (Nadeau, Bengio, "Inference for the Generalization Error", 2003, section 5.)

    Parameters
    ----------
    differences
        (n,) of two models in each fold.
    test_per_train
        n_test / n_train, ratings in the test and in the training part of a fold; 1 / (n - 1) for
        n-fold cross-validation.

    Returns
    -------
    low, high, p_value
        Of the mean difference; two-sided. NaN, NaN, 1 of a single fold.
    """
    from scipy.special import stdtr, stdtrit  # here: most commands do without

    values = np.asarray(differences, dtype=np.float64)
    n = len(values)
    if n < 2:
        return np.nan, np.nan, 1.0
    mean = float(values.mean())
    error = float(np.sqrt((1 / n + test_per_train) * values.var(ddof=1)))
    if error == 0:
        return mean, mean, float(mean == 0)
    reach = error * float(stdtrit(n - 1, (1 + confidence) / 2))
    return mean - reach, mean + reach, float(2 * stdtr(n - 1, -abs(mean) / error))


def holm(p_values: ArrayLike) -> FloatArray:
    """Adjusted so that, of all hypotheses together, a true one is rejected with probability alpha.

    In rising order, p_(k) times the number of hypotheses from k on, and never less than the one
    before (Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979).
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
