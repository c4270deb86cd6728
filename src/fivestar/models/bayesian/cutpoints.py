"""Where one level of the ratings ends and the next begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fivestar.models.bayesian.draws import Draws

Array = NDArray[np.floating]

MIN_DISTANCE = 1e-3
"""Of two neighbouring cutpoints."""
ACCEPTED = 0.3
"""Fraction of Metropolis steps to accept, to which their size is tuned; about best for a few."""


class Cutpoints:
    """Each user's own, c_uj ~ N(m_j, 1 / t_j), or the same for all with a flat prior.

    Some users give the highest rating easily, some hardly: m_j is flat, t_j ~ Gamma(1, rate
    0.01). (In the spirit of Koren and Sill, "OrdRec: an ordinal model for predicting
    personalized item rating distributions", 2011.) That the prior also allows disordered
    cutpoints is neglected: they lie several of its standard deviations apart.

    Cutpoints move by Metropolis steps with the latent ratings summed out; drawn given these
    they would hardly move (Cowles, "Accelerating Monte Carlo Markov Chain Convergence for
    Cumulative-link Generalized Linear Models", 1996).

    They start from the levels' fractions of the ratings; without a number of users they are
    the same for all.

    Attributes
    ----------
    values : (n_users or 1, n_levels - 1)
    mean, precision : (n_levels - 1,) m and t
    """

    def __init__(self, fractions: Array, n_users: int | None) -> None:
        self.per_user = n_users is not None
        # Further out than if all scores were 0: their variance widens the latent ratings.
        self.mean: Array = 1.2 * ndtri(np.cumsum(fractions, dtype=np.float64)[:-1])
        self.precision: Array = np.full(len(self.mean), 25.0 if self.per_user else 0.0)
        self.values = np.tile(self.mean, (n_users or 1, 1))
        self.steps = np.full(len(self.values), 0.1 if self.per_user else 0.01)
        self.sweeps = 0
        self.given = False

    def fix(self, mean: Array, precision: Array) -> None:
        """Take what all users share as given."""
        self.mean, self.precision = mean.astype(np.float64), precision
        if not self.given or not self.per_user:
            self.values = np.tile(self.mean, (len(self.values), 1))
        self.given = True

    def sample(self, draws: Draws, log_likelihood: Callable[[Array], Array]) -> None:
        """Move; ``log_likelihood`` of cutpoints gives one value a user."""
        if self.given and not self.per_user:
            return

        def log_density(values: Array) -> Array:
            likelihood = log_likelihood(values)
            likelihood = likelihood if self.per_user else likelihood.sum(keepdims=True)
            density: Array = likelihood - (values - self.mean) ** 2 @ self.precision / 2
            return density

        self.sweeps += 1
        n_cuts, random = len(self.mean), draws.random
        sizes = self.steps * random.choice([0.5, 1.0, 1.5])
        noise = draws.normal(n_cuts) if self.per_user else random.standard_normal(n_cuts)
        proposal = self.values + sizes[:, None] * noise
        uniform = draws.uniform() if self.per_user else random.random()
        accepted = np.log(uniform) < log_density(proposal) - log_density(self.values)
        accepted &= np.all(np.diff(proposal, axis=1) > MIN_DISTANCE, axis=1)
        self.values[accepted] = proposal[accepted]
        self.steps = self.steps * np.exp((accepted - ACCEPTED) / np.sqrt(self.sweeps))
        self.steps = np.clip(self.steps, 1e-4, 1)
        if not self.per_user:
            self.mean = self.values[0]
        elif not self.given:
            n_users = len(self.values)
            noise = random.standard_normal(n_cuts) / np.sqrt(n_users * self.precision)
            self.mean = self.values.mean(0) + noise
            rate = 0.01 + ((self.values - self.mean) ** 2).sum(0) / 2
            self.precision = random.gamma(1 + n_users / 2, size=n_cuts) / rate
