"""Where one level of the ratings ends and the next begins."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fivestar.models.bayesian.draws import Draws
from fivestar.models.bayesian.probit import (
    find_ends,
    log_likelihood,
    log_likelihoods,
    space_for_ends,
)
from fivestar.models.compiled import compiled
from fivestar.ratings import Indices

Array = NDArray[np.floating]

MIN_DISTANCE = 1e-3
"""Of two neighbouring cutpoints."""
ACCEPTED = 0.3
"""Fraction of Metropolis steps to accept, to which their size is tuned; about best for a few."""
MIN_STEP, MAX_STEP = 1e-4, 1.0
PACES = (0.5, 1.0, 1.5)
"""Of which one is drawn for all: some steps are shorter than the tuned ones, some longer."""
COST_OF_LIKELIHOOD, COST_OF_STEP = 60.0, 120.0
"""Of a rating, in multiplications that take as long."""


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
    edges : (n_users or 1, n_levels + 1) cutpoints between minus and plus infinity
    mean, precision : (n_levels - 1,) m and t
    """

    def __init__(self, fractions: Array, n_users: int | None) -> None:
        self.per_user = n_users is not None
        # Further out than if all scores were 0: their variance widens the latent ratings.
        self.mean: Array = 1.2 * ndtri(np.cumsum(fractions, dtype=np.float64)[:-1])
        self.precision: Array = np.full(len(self.mean), 25.0 if self.per_user else 0.0)
        self.edges = np.tile([-np.inf, *self.mean, np.inf], (n_users or 1, 1))
        self.steps = np.full(len(self.edges), 0.1 if self.per_user else 0.01)
        self.sweeps = 0
        self.given = False

    @property
    def values(self) -> Array:
        """The cutpoints, (n_users or 1, n_levels - 1), which move in place."""
        return self.edges[:, 1:-1]

    def fix(self, mean: Array, precision: Array) -> None:
        """Take what all users share as given."""
        self.mean, self.precision = mean.astype(np.float64), precision.astype(np.float64)
        if not self.given or not self.per_user:
            self.values[:] = self.mean
        self.given = True

    def sample(self, draws: Draws, levels: NDArray[np.int8], scores: Array, roots: Array) -> None:
        """Move them given the ratings; see ``probit.sample_latent``."""
        if self.per_user:
            self._move_each(draws, levels, scores, roots)
        elif not self.given:
            self._move_all(draws, levels, scores, roots)

    def _move_each(
        self, draws: Draws, levels: NDArray[np.int8], scores: Array, roots: Array
    ) -> None:
        self.sweeps += 1
        n_users, n_cuts = self.values.shape
        pace, random = draws.random.choice(PACES), draws.random
        noise, uniforms = draws.normal(n_cuts), draws.uniform()

        def move(first: int, end: int) -> None:
            _move(
                draws.starts[first : end + 1],
                levels,
                scores,
                roots[first:end],
                self.edges[first:end],
                self.steps[first:end],
                pace * noise[first:end],
                uniforms[first:end],
                self.mean,
                self.precision,
                1 / np.sqrt(self.sweeps),
            )

        draws.each_part(move, COST_OF_STEP)
        if not self.given:
            noise = random.standard_normal(n_cuts) / np.sqrt(n_users * self.precision)
            self.mean = self.values.mean(0) + noise
            rate = 0.01 + ((self.values - self.mean) ** 2).sum(0) / 2
            self.precision = random.gamma(1 + n_users / 2, size=n_cuts) / rate

    def _move_all(
        self, draws: Draws, levels: NDArray[np.int8], scores: Array, roots: Array
    ) -> None:
        self.sweeps += 1
        random, n_cuts = draws.random, len(self.mean)

        def log_likelihood(edges: Array) -> float:
            of_users = np.empty(draws.n_users)

            def compute(first: int, end: int) -> None:
                starts, own = draws.starts[first : end + 1], roots[first:end]
                log_likelihoods(starts, levels, scores, edges, own, of_users[first:end])

            draws.each_part(compute, COST_OF_LIKELIHOOD)
            return float(of_users.sum())

        proposal = self.edges.copy()
        proposal[0, 1:-1] += self.steps * random.choice(PACES) * random.standard_normal(n_cuts)
        worth = np.log(random.random())
        accepted = bool(np.all(np.diff(proposal) > MIN_DISTANCE))
        accepted = accepted and worth < log_likelihood(proposal) - log_likelihood(self.edges)
        if accepted:
            self.edges = proposal
        self.steps *= np.exp((accepted - ACCEPTED) / np.sqrt(self.sweeps))
        self.steps = np.clip(self.steps, MIN_STEP, MAX_STEP)
        self.mean = self.values[0]


@compiled
def _move(
    starts: Indices,
    levels: NDArray[np.int8],
    scores: Array,
    roots: Array,
    edges: Array,
    steps: Array,
    noise: Array,
    uniforms: Array,
    mean: Array,
    precision: Array,
    gain: float,
) -> None:
    """Of each user a Metropolis step, and its size tuned by what became of it; both in place."""
    ends = space_for_ends(starts)
    proposal = np.full(edges.shape[1], np.inf)
    proposal[0] = -np.inf
    for row in range(len(roots)):
        edge, n = edges[row], starts[row + 1] - starts[row]
        of_user = slice(starts[row], starts[row + 1])
        own_levels, own_scores, root = levels[of_user], scores[of_user], roots[row]
        in_order, density = True, 0.0
        for j in range(len(mean)):
            old, new = edge[j + 1], edge[j + 1] + steps[row] * noise[row, j]
            proposal[j + 1] = new
            in_order &= new - proposal[j] > MIN_DISTANCE
            density += precision[j] * ((old - mean[j]) ** 2 - (new - mean[j]) ** 2) / 2
        accepted = False
        if in_order:
            find_ends(proposal, own_levels, own_scores, root, ends)
            density += log_likelihood(ends, n)
            find_ends(edge, own_levels, own_scores, root, ends)
            density -= log_likelihood(ends, n)
            accepted = math.log(uniforms[row]) < density
        if accepted:
            edge[:] = proposal
        step = steps[row] * math.exp((accepted - ACCEPTED) * gain)
        steps[row] = min(max(step, MIN_STEP), MAX_STEP)
