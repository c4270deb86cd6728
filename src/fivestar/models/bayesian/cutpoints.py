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
        steps = sizes[:, None] * self.random.standard_normal((n_users, n_cuts))

        def log_density(cutpoints: Array) -> Array:
            return log_likelihood(cutpoints) + log_prior(cutpoints, self.mean, self.precision)

        accepted = move_each(self.values, steps, self.random.random(n_users), log_density)
        self.steps = tuned(self.steps, accepted, self.sweeps)

        noise = self.random.standard_normal(n_cuts)
        self.mean = self.values.mean(0) + noise / np.sqrt(n_users * self.precision)
        squares = ((self.values - self.mean) ** 2).sum(0)
        self.precision = self.random.gamma(1 + n_users / 2, size=n_cuts) / (0.01 + squares / 2)


def spread_over_users(values: Array) -> tuple[Array, Array]:
    """Mean m and expected precision t of the users' cutpoints, the values' first axis."""
    mean = values.mean(0)
    squares = ((values - mean) ** 2).sum(0)
    return mean, (1 + len(values) / 2) / (0.01 + squares / 2)


def log_prior(cutpoints: Array, mean: Array, precision: Array) -> Array:
    """Logarithm of each user's prior density, up to a constant."""
    density: Array = -((cutpoints - mean) ** 2 @ precision) / 2
    return density


def move_each(
    values: Array,
    steps: Array,
    uniforms: Array | float,
    log_density: Callable[[Array], Array],
) -> NDArray[np.bool_]:
    """Move each user's cutpoints by a Metropolis step, in place; returns who moved.

    Parameters
    ----------
    values, steps
        (n_users, n_cuts)
    uniforms
        Of (0, 1), (n_users,) or one for all.
    log_density
        Of cutpoints, up to a constant, one value a user.
    """
    proposal = values + steps
    moved: NDArray[np.bool_] = np.log(uniforms) < log_density(proposal) - log_density(values)
    moved &= np.all(np.diff(proposal, axis=1) > CLOSEST, axis=1)
    values[moved] = proposal[moved]
    return moved


def tuned(sizes: Array, accepted: NDArray[np.bool_], n_sweeps: int) -> Array:
    """Sizes of the users' next steps, so that the wanted share of them is accepted."""
    changed: Array = sizes * np.exp((accepted - ACCEPTED) / np.sqrt(n_sweeps))
    return np.clip(changed, 0.01, 1)


def start(shares: Array) -> Array:
    """Cutpoints that give the stars their shares where all scores are near 0."""
    # The scores' own spread widens the latent ratings: hence a bit further out.
    cutpoints: Array = 1.2 * ndtri(np.cumsum(shares, dtype=np.float64)[:-1])
    return cutpoints


def with_ends(cutpoints: Array) -> Array:
    """Cutpoints between minus and plus infinity."""
    return np.pad(cutpoints, ((0, 0), (1, 1)), constant_values=(-np.inf, np.inf))
