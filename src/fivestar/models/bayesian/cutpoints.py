"""Where one star ends and the next begins: the same for all users, or each user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.floating]

CLOSEST = 1e-3
"""Least distance of two cutpoints."""
ACCEPTED = 0.3
"""Share of Metropolis steps to accept, to which the steps' size is tuned; about best for a few."""


class Cutpoints(Protocol):
    """Cutpoints that move by Metropolis steps with the latent ratings summed out.

    Drawn given the latent ratings they would hardly move (Cowles, "Accelerating Monte Carlo
    Markov Chain Convergence for Cumulative-link Generalized Linear Models", 1996).
    """

    values: Array
    """(n_users or 1, n_stars - 1)"""

    def sample(self, log_likelihood: Callable[[Array], Array]) -> None:
        """Move; ``log_likelihood`` of cutpoints gives one value a user."""


class SharedCutpoints:
    """The same for all users; a flat prior.

    Parameters
    ----------
    shares
        (n_stars,) of the ratings.
    random
        Source of all draws.
    """

    def __init__(self, shares: Array, random: np.random.Generator) -> None:
        self.random = random
        self.values = start(shares)[None]
        self.step = 0.01
        self.sweeps = 0

    def sample(self, log_likelihood: Callable[[Array], Array]) -> None:
        self.sweeps += 1
        size = self.step * self.random.choice([0.3, 1.0, 2.0])
        proposal = self.values + size * self.random.standard_normal(self.values.shape)
        accepted = False
        if np.all(np.diff(proposal) > CLOSEST):
            gain = np.sum(log_likelihood(proposal) - log_likelihood(self.values))
            accepted = bool(np.log(self.random.random()) < gain)
            if accepted:
                self.values = proposal
        self.step *= float(np.exp((accepted - ACCEPTED) / np.sqrt(self.sweeps)))


class UserCutpoints:
    """Each user's own, c_uj ~ N(m_j, 1 / t_j), m_j flat, t_j ~ Gamma(1, rate 0.01).

    Some people give five stars easily, some hardly. (In the spirit of Koren and Sill,
    "OrdRec: an ordinal model for predicting personalized item rating distributions", 2011.)
    The prior's share of disordered cutpoints is neglected: they lie several of its standard
    deviations apart.

    Parameters
    ----------
    shares
        (n_stars,) of the ratings.
    n_users
        Number of users.
    random
        Source of all draws.
    """

    def __init__(self, shares: Array, n_users: int, random: np.random.Generator) -> None:
        self.random = random
        self.mean = start(shares)
        self.precision = np.full(len(self.mean), 25.0)
        self.values = np.tile(self.mean, (n_users, 1))
        self.steps = np.full(n_users, 0.1)
        self.sweeps = 0

    def sample(self, log_likelihood: Callable[[Array], Array]) -> None:
        self.sweeps += 1
        n_users, n_cuts = self.values.shape
        sizes = self.steps * self.random.choice([0.5, 1.0, 1.5])
        proposal = self.values + sizes[:, None] * self.random.standard_normal((n_users, n_cuts))
        gain = log_likelihood(proposal) - log_likelihood(self.values)
        gain += self._log_prior(proposal) - self._log_prior(self.values)
        accepted = np.log(self.random.random(n_users)) < gain
        accepted &= np.all(np.diff(proposal, axis=1) > CLOSEST, axis=1)
        self.values[accepted] = proposal[accepted]
        self.steps *= np.exp((accepted - ACCEPTED) / np.sqrt(self.sweeps))
        np.clip(self.steps, 0.01, 1, out=self.steps)

        noise = self.random.standard_normal(n_cuts)
        self.mean = self.values.mean(0) + noise / np.sqrt(n_users * self.precision)
        squares = ((self.values - self.mean) ** 2).sum(0)
        self.precision = self.random.gamma(1 + n_users / 2, size=n_cuts) / (0.01 + squares / 2)

    def _log_prior(self, cutpoints: Array) -> Array:
        density: Array = -((cutpoints - self.mean) ** 2 @ self.precision) / 2
        return density


def start(shares: Array) -> Array:
    """Cutpoints that give the stars their shares where all scores are near 0."""
    # The scores' own spread widens the latent ratings: hence a bit further out.
    cutpoints: Array = 1.2 * ndtri(np.cumsum(shares, dtype=np.float64)[:-1])
    return cutpoints


def with_ends(cutpoints: Array) -> Array:
    """Cutpoints between minus and plus infinity."""
    return np.pad(cutpoints, ((0, 0), (1, 1)), constant_values=(-np.inf, np.inf))
