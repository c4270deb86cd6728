"""Biases that change over time: Gaussian processes, found or drawn exactly in one pass."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fivestar.models.compiled import compiled
from fivestar.ratings import Indices, Times

Array = NDArray[np.floating]

SECONDS_A_MINUTE = 60
DRIFT_MINUTES = (0.3, 15.0)
"""Time scales that users' ratings drift on: pages of a list, and sessions."""
LEAST_MOVE = 1e-6
"""Least 1 - a^2 (see ``Drift``) of a step that tells of the variance, or that has any."""
STRENGTH_SHAPE, STRENGTH_RATE = 1.0, 0.05
"""Of the Gamma prior of 1 / v."""


class Path(NamedTuple):
    """What is known of the process of each row (see ``Drift``) at the times of its ratings.

    Attributes
    ----------
    starts : (n_rows + 1,) where the ratings of each row begin, as in CSR
    times : (n_ratings,) seconds, rising within a row
    means, variances : (n_ratings, n_parts) of each part of the drift
    scales, strengths : (n_parts,) s and v of each part
    usual : (n_rows,) the drift that counts as none, such as the mean over the row's ratings
    """

    starts: NDArray[np.int64]
    times: Times
    means: Array
    variances: Array
    scales: Array
    strengths: Array
    usual: Array

    def at(self, rows: Indices, times: Times) -> tuple[Array, Array]:
        """Mean and variance of the drift of each row at a time, less the usual, (n_pairs,) each.

        A part depends on the nearest ratings before and after alone; its values there count as
        fully correlated, which they nearly are where it matters: when they are close. At a time
        of NaN the mean is 0 and the variance the sum of all v.
        """
        means, variances = np.zeros(len(rows)), np.zeros(len(rows))
        _between(self, rows, times, means, variances)
        return means, variances

    def mean_of_rows(self) -> Array:
        """(n_rows,) mean of the drift over each row's ratings; 0 without any."""
        counts = np.diff(self.starts)
        rows = np.repeat(np.arange(len(counts)), counts)
        sums = np.bincount(rows, self.means.sum(axis=1), minlength=len(counts))
        means: Array = sums / np.maximum(counts, 1)
        return means


class Drift:
    r"""What moves each row's bias: a sum of processes of mean 0, each row's its own.

    The covariance of such a part f is v exp(-|t - t'| / s) (Uhlenbeck and Ornstein, "On the
    Theory of the Brownian Motion", 1930): ratings much closer in time than s share f, those much
    further apart share nothing. From one rating to the next, with a = exp(-dt / s),

        f(t + dt) = a f(t) + N(0, v (1 - a^2)),

    so the posterior of f given targets y_p = f(t_p) + N(0, 1 / w_p) takes one pass over a row's
    ratings forward in time, as a Kalman filter, and one backward.

    Parameters
    ----------
    rows, times
        (n_ratings,) of each rating: the user (or item), and seconds.
    n_rows
        Number of users (or items).
    scales
        s of each part, in seconds.
    strength
        v of each part, to begin with.

    Attributes
    ----------
    parts : (n_ratings, n_parts) at the ratings, in order of row and time
    order : (n_ratings,) which rating that is
    strengths : (n_parts,) v
    """

    def __init__(
        self, rows: Indices, times: Times, n_rows: int, scales: ArrayLike, strength: float
    ) -> None:
        self.order = np.lexsort((times, rows))
        counts = np.bincount(rows, minlength=n_rows)
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self.times, self.scales = times[self.order], np.asarray(scales, np.float64)
        self.strengths: Array = np.full(len(self.scales), strength)
        # A row begins as if the one before lay infinitely far back.
        distances = np.diff(self.times, prepend=0)
        distances[self.starts[:-1][counts > 0]] = np.inf
        self.decays = [np.exp(-distances / scale) for scale in self.scales]
        self.parts: Array = np.zeros((len(rows), len(self.scales)))

    @property
    def values(self) -> Array:
        """(n_ratings,) the drift at the ratings, in their given order."""
        values = np.empty(len(self.parts))
        values[self.order] = self.parts.sum(axis=1)
        return values

    def find(
        self, targets: Array, weights: Array, random: np.random.Generator | None = None
    ) -> None:
        """Set each part to its posterior mean given the others; with random numbers, to a draw."""
        rest = targets[self.order] - self.parts.sum(axis=1)
        weights, noise, found = weights[self.order], np.zeros(0), np.empty(len(rest))
        for part, (decays, strength) in enumerate(zip(self.decays, self.strengths, strict=True)):
            rest += self.parts[:, part]
            if random is not None:
                noise = random.standard_normal(len(rest))
            _find(decays, rest, weights, strength, noise, found)
            self.parts[:, part] = found
            rest -= found

    def sample_strengths(self, random: np.random.Generator) -> None:
        """Draw each v given the parts."""
        for part, decays in enumerate(self.decays):
            path, moved = self.parts[:, part], 1 - decays**2
            tells = moved > LEAST_MOVE
            steps = path - decays * np.concatenate([[0], path[:-1]])
            rate = STRENGTH_RATE + float(np.sum(steps[tells] ** 2 / moved[tells])) / 2
            shape = STRENGTH_SHAPE + np.count_nonzero(tells) / 2
            self.strengths[part] = rate / random.gamma(shape)

    def path(self) -> Path:
        """Of the parts as they are."""
        none = np.zeros_like(self.parts)
        usual = np.zeros(len(self.starts) - 1)
        return Path(self.starts, self.times, self.parts, none, self.scales, self.strengths, usual)


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
    """Add up all parts; the arrays hold zeros."""
    for q in range(len(rows)):
        begin, end, time = path.starts[rows[q]], path.starts[rows[q] + 1], times[q]
        if math.isnan(time) or begin == end:
            variances[q] = path.strengths.sum()
            continue
        means[q] = -path.usual[rows[q]]
        after = begin + np.searchsorted(path.times[begin:end], time)
        since = time - path.times[after - 1] if after > begin else np.inf
        until = path.times[after] - time if after < end else np.inf
        last, next_ = max(after - 1, begin), min(after, end - 1)
        for part in range(len(path.scales)):
            a, b = math.exp(-since / path.scales[part]), math.exp(-until / path.scales[part])
            rest = 1 - a * a * b * b
            if rest < LEAST_MOVE:
                means[q] += path.means[next_, part]
                variances[q] += path.variances[next_, part]
                continue
            left, right = a * (1 - b * b) / rest, b * (1 - a * a) / rest
            means[q] += left * path.means[last, part] + right * path.means[next_, part]
            deviation = left * math.sqrt(path.variances[last, part])
            deviation += right * math.sqrt(path.variances[next_, part])
            bridge = path.strengths[part] * (1 - a * a) * (1 - b * b) / rest
            variances[q] += bridge + deviation * deviation
