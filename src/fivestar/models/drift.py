"""Biases that change over time: Gaussian processes, found or drawn exactly in one pass."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fivestar.models.solver import compiled
from fivestar.ratings import Indices, Times

Array = NDArray[np.floating]

SECONDS_A_MINUTE = 60
LEAST_MOVE = 1e-6
"""Least 1 - a^2 (see ``Drift``) of a step that tells of the variance, or that has any."""
VARIANCE_SHAPE, VARIANCE_RATE = 1.0, 0.05
"""Of the Gamma prior of 1 / v."""


class Path(NamedTuple):
    """What is known of the process of each row (see ``Drift``) at the times of its ratings.

    Attributes
    ----------
    starts : (n_rows + 1,) where the ratings of each row begin, as in CSR
    times : (n_ratings,) seconds, rising within a row
    means, variances : (n_ratings,) of the process
    time_scale, variance : s and v
    """

    starts: NDArray[np.int64]
    times: Times
    means: Array
    variances: Array
    time_scale: float
    variance: float

    def at(self, rows: Indices, times: Times) -> tuple[Array, Array]:
        """Mean and variance of the process of each row at a time, (n_pairs,) each.

        It depends on the nearest ratings before and after alone; their values count as fully
        correlated, which they nearly are where it matters: when they are close. The mean is 0
        and the variance v where the time is NaN or the row has no ratings.
        """
        means, variances = np.empty(len(rows)), np.empty(len(rows))
        _between(self, rows, times, means, variances)
        return means, variances


class Drift:
    r"""What moves each row's bias: a process f_r of mean 0, independent of the other rows'.

    The covariance is v exp(-|t - t'| / s) (Uhlenbeck and Ornstein, "On the Theory of the
    Brownian Motion", 1930): ratings much closer than s share f, those much further apart share
    nothing. From one rating to the next, with a = exp(-dt / s),

        f(t + dt) = a f(t) + N(0, v (1 - a^2)),

    so the posterior of f given targets y_p = f(t_p) + N(0, 1 / w_p) takes one pass over a row's
    ratings forward in time, as a Kalman filter, and one backward.

    Parameters
    ----------
    rows, times
        (n_ratings,) of each rating: the user (or item), and seconds.
    n_rows
        Number of users (or items).
    time_scale
        s, in seconds.
    variance
        v, to begin with.

    Attributes
    ----------
    values : (n_ratings,) f at the ratings, in their given order
    """

    def __init__(
        self, rows: Indices, times: Times, n_rows: int, time_scale: float, variance: float
    ) -> None:
        self.order = np.lexsort((times, rows))
        counts = np.bincount(rows, minlength=n_rows)
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self.times, self.time_scale, self.variance = times[self.order], time_scale, variance
        # A row begins as if the one before lay infinitely far back.
        distances = np.diff(self.times, prepend=0)
        distances[self.starts[:-1][counts > 0]] = np.inf
        self.decays = np.exp(-distances / time_scale)
        self.values: Array = np.zeros(len(rows))

    def find(self, targets: Array, weights: Array, noise: Array | None = None) -> None:
        """Set ``values`` to the posterior mean; given standard normal noise, to a draw."""
        found = np.empty(len(targets))
        noise = np.zeros(0) if noise is None else noise
        _find(self.decays, targets[self.order], weights[self.order], self.variance, noise, found)
        self.values[self.order] = found

    def sample_variance(self, random: np.random.Generator) -> None:
        """Draw v given the values."""
        path, moved = self.values[self.order], 1 - self.decays**2
        tells = moved > LEAST_MOVE
        steps = path - self.decays * np.concatenate([[0], path[:-1]])
        rate = VARIANCE_RATE + float(np.sum(steps[tells] ** 2 / moved[tells])) / 2
        self.variance = rate / random.gamma(VARIANCE_SHAPE + np.count_nonzero(tells) / 2)

    def path(self, means: Array | None = None, variances: Array | None = None) -> Path:
        """Of the values, or of means and variances over several draws of them."""
        means = self.values if means is None else means
        variances = np.zeros(len(means)) if variances is None else variances
        order = self.order
        times, scale = self.times, self.time_scale
        return Path(self.starts, times, means[order], variances[order], scale, self.variance)


@compiled
def _find(
    decays: Array, targets: Array, weights: Array, variance: float, noise: Array, out: Array
) -> None:
    """Filter forward, then smooth or draw backward; a decay of 0 begins another row."""
    n = len(targets)
    means, variances = np.empty(n), np.empty(n)
    mean, spread = 0.0, 0.0
    for p in range(n):
        a = decays[p]
        spread = a * a * spread + variance * (1 - a * a)
        gain = spread * weights[p]
        mean = (a * mean + gain * targets[p]) / (1 + gain)
        spread /= 1 + gain
        means[p], variances[p] = mean, spread
    for p in range(n - 1, -1, -1):
        mean, spread = means[p], variances[p]
        if p < n - 1 and spread > 0:
            a = decays[p + 1]
            gain = a * spread / (a * a * spread + variance * (1 - a * a))
            mean += gain * (out[p + 1] - a * mean)
            spread *= max(1 - gain * a, 0.0)
        if len(noise):
            mean += noise[p] * math.sqrt(spread)
        out[p] = mean


@compiled
def _between(path: Path, rows: Indices, times: Times, means: Array, variances: Array) -> None:
    for q in range(len(rows)):
        begin, end, time = path.starts[rows[q]], path.starts[rows[q] + 1], times[q]
        means[q], variances[q] = 0.0, path.variance
        if begin == end or math.isnan(time):
            continue
        after = begin + np.searchsorted(path.times[begin:end], time)
        a, b = 0.0, 0.0  # correlations with the rating before and the one after
        if after > begin:
            a = math.exp(-(time - path.times[after - 1]) / path.time_scale)
        if after < end:
            b = math.exp(-(path.times[after] - time) / path.time_scale)
        rest = 1 - a * a * b * b
        if rest < LEAST_MOVE:
            means[q], variances[q] = path.means[after], path.variances[after]
            continue
        left, right = a * (1 - b * b) / rest, b * (1 - a * a) / rest
        deviation = 0.0
        means[q] = 0.0
        if after > begin:
            means[q] += left * path.means[after - 1]
            deviation += left * math.sqrt(path.variances[after - 1])
        if after < end:
            means[q] += right * path.means[after]
            deviation += right * math.sqrt(path.variances[after])
        bridge = path.variance * (1 - a * a) * (1 - b * b) / rest
        variances[q] = bridge + deviation * deviation
