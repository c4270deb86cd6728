"""Biases that change over time: Gaussian processes, found or drawn exactly in one pass."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from fivestar.models.solver import compiled
from fivestar.ratings import Indices, Times

Array = NDArray[np.floating]

LEAST_MOVE = 1e-6
"""Least 1 - a^2 (see ``Drift``) at which a step tells of the variance."""


class Path(NamedTuple):
    """A process of each row (a user or an item) at the times of the row's ratings.

    Attributes
    ----------
    starts : (n_rows + 1,) where the ratings of each row begin, as in CSR
    times : (n_ratings,) seconds, rising within a row
    values : (n_ratings,)
    deviations : (n_ratings,) standard deviations of the values
    """

    starts: NDArray[np.int64]
    times: Times
    values: Array
    deviations: Array


class Drift:
    r"""What moves each row's bias: a process f_r of mean 0, independent of the other rows'.

    The covariance is v exp(-|t - t'| / s) (Ornstein and Uhlenbeck, 1930): ratings within a time
    s of each other share much of f, those much further apart nothing. It is a Markov process:
    from one rating to the next, with a = exp(-dt / s),

        f(t + dt) = a f(t) + N(0, v (1 - a^2)),

    so the posterior of f given targets y_p = f(t_p) + N(0, 1 / w_p) takes one pass forward, as
    a Kalman filter, and one backward over a row's ratings in their order.

    Parameters
    ----------
    rows, times
        (n_ratings,) of each rating.
    n_rows
        Number of users or items.
    time_scale
        s, in seconds.
    variance
        v, to begin with.

    Attributes
    ----------
    values : (n_ratings,) of f at the ratings, in their order as given
    """

    def __init__(
        self, rows: Indices, times: Times, n_rows: int, time_scale: float, variance: float
    ) -> None:
        self.order = np.lexsort((times, rows))
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_rows))])
        self.times, self.time_scale, self.variance = times[self.order], time_scale, variance
        self.decays = np.zeros(len(rows))
        self.decays[1:] = np.exp(-np.diff(self.times) / time_scale, where=np.diff(self.times) >= 0, out=np.zeros(max(len(rows) - 1, 0)))
        self.decays[self.starts[:-1][np.diff(self.starts) > 0]] = 0
        self.values: Array = np.zeros(len(rows))

    def find(self, targets: Array, weights: Array, noise: Array | None = None) -> None:
        """Set ``values`` to the posterior mean; with standard normal noise to a draw."""
        found = np.zeros(len(targets))
        noise = np.zeros(0) if noise is None else noise
        _find(self.decays, targets[self.order], weights[self.order], self.variance, noise, found)
        self.values[self.order] = found

    def sample_variance(self, random: np.random.Generator, shape: float, rate: float) -> None:
        """Draw v given the values, 1 / v ~ Gamma(shape, rate)."""
        path, moved = self.values[self.order], 1 - self.decays**2
        steps = path - self.decays * np.concatenate([[0], path[:-1]])
        tells = moved > LEAST_MOVE
        squares = float(np.sum(steps[tells] ** 2 / moved[tells]))
        drawn = random.gamma(shape + tells.sum() / 2) / (rate + squares / 2)
        self.variance = 1 / drawn


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
        if p < n - 1 and decays[p + 1] > 0:
            a = decays[p + 1]
            gain = a * spread / (a * a * spread + variance * (1 - a * a))
            mean += gain * (out[p + 1] - a * mean)
            spread *= max(1 - gain * a, 0.0)
        if len(noise):
            mean += noise[p] * np.sqrt(spread)
        out[p] = mean
