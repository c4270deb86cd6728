"""How a rating comes from a latent score: Gaussian noise, or ordered stars (probit)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.bayesian.cutpoints import Cutpoints, with_ends
from fivestar.models.bayesian.probit import log_likelihoods, sample_latent
from fivestar.ratings import Positions

Array = NDArray[np.floating]


class Likelihood(Protocol):
    """What the Gibbs sampler asks of a likelihood."""

    precisions: Array
    """(n_users,) a_u: one over the variance of the noise of a user's latent ratings."""

    @property
    def cutpoints(self) -> Array:
        """Latent ratings between one star and the next, (n_users or 1, n_stars - 1)."""

    def latent(self, scores: Array) -> Array:
        """Draw the latent ratings z, (n_ratings,), given the scores f."""

    def sample_noise(self, residuals: Array) -> None:
        """Draw the precisions given z - f, (n_ratings,)."""


@dataclass(kw_only=True)
class Gaussian:
    """r = f + e, e ~ N(0, 1 / a): the latent rating is the rating less the global mean.

    For all users a ~ Gamma(1, rate 1). With noise per user a_u ~ Gamma(shape, rate) with an
    unknown rate: users with few ratings get the noise of the others.

    Parameters
    ----------
    train
        Users x items.
    stars
        (n_stars,) in rising order; the cutpoints are the middles between them.
    per_user, shape
        Whether each user has a noise of their own, and the shape of its prior.
    random
        Source of all draws.
    """

    train: sparse.csr_array
    stars: Array
    per_user: bool = False
    shape: float = 1.0
    random: np.random.Generator
    precisions: Array = field(init=False)

    def __post_init__(self) -> None:
        self.starts = self.train.indptr.astype(np.intp)
        self.counts = np.diff(self.starts)
        mean = self.train.data.mean(dtype=np.float64)
        self.centred = self.train.data - np.float32(mean)
        variance = max(float(np.var(self.centred)), 1e-3)
        self.rate = self.shape * variance / 2
        self.precisions = np.full(len(self.counts), 2 / variance)

    @property
    def cutpoints(self) -> Array:
        middles: Array = (self.stars[None, 1:] + self.stars[None, :-1]) / 2
        return middles

    def latent(self, scores: Array) -> Array:
        return self.centred

    def sample_noise(self, residuals: Array) -> None:
        n_users = len(self.counts)
        if self.per_user:
            drawn = self.random.gamma(self.shape + self.counts / 2)
            self.precisions = drawn / (self.rate + sums_of_squares(self.starts, residuals) / 2)
            total = float(self.precisions.sum())
            self.rate = self.random.gamma(1 + self.shape * n_users) / (1e-3 + total)
        else:
            squares = float(np.sum(residuals**2, dtype=np.float64))
            of_all = self.random.gamma(1 + len(residuals) / 2) / (1 + squares / 2)
            self.precisions = np.full(n_users, of_all)


@dataclass(kw_only=True)
class OrdinalProbit:
    r"""Star j where the latent z = f + e, e ~ N(0, 1 / a), lies between cutpoints j - 1 and j.

    P(star <= j) = Phi((c_j - f) sqrt(a)). z is drawn given the stars and the scores, then
    everything else as if z were a rating (Albert and Chib, "Bayesian Analysis of Binary and
    Polychotomous Response Data", 1993).

    The scale of z is free; it is fixed by a = 1, or with noise per user by the prior
    a_u ~ Gamma(shape, shape) of mean 1.

    Parameters
    ----------
    train
        Users x items, with few distinct ratings.
    stars
        (n_stars,) those in rising order.
    moves
        The cutpoints and how they move.
    per_user, shape
        Whether each user has a noise of their own, and the shape of its prior.
    random
        Source of all draws.
    """

    train: sparse.csr_array
    stars: Array
    moves: Cutpoints
    per_user: bool = False
    shape: float = 1.0
    random: np.random.Generator
    precisions: Array = field(init=False)

    def __post_init__(self) -> None:
        self.starts = self.train.indptr.astype(np.intp)
        self.counts = np.diff(self.starts)
        self.levels = np.searchsorted(self.stars, self.train.data).astype(np.int8)
        self.precisions = np.ones(len(self.counts))

    @property
    def cutpoints(self) -> Array:
        return self.moves.values

    def latent(self, scores: Array) -> Array:
        roots = np.sqrt(self.precisions)

        def log_likelihood(cutpoints: Array) -> Array:
            out = np.empty(len(roots))
            edges = with_ends(cutpoints)
            log_likelihoods(self.starts, self.levels, scores, edges, roots, out)
            return out

        self.moves.sample(log_likelihood)
        drawn = np.empty_like(scores)
        uniforms = self.random.random(len(scores), dtype=np.float32)
        edges = with_ends(self.cutpoints)
        sample_latent(self.starts, self.levels, scores, edges, roots, uniforms, drawn)
        return drawn

    def sample_noise(self, residuals: Array) -> None:
        if self.per_user:
            drawn = self.random.gamma(self.shape + self.counts / 2)
            self.precisions = drawn / (self.shape + sums_of_squares(self.starts, residuals) / 2)


def sums_of_squares(starts: Positions, values: Array) -> Array:
    """Sum of each row's squared values, rows as in CSR."""
    sums = np.concatenate([[0], np.cumsum(values**2, dtype=np.float64)])
    total: Array = sums[starts[1:]] - sums[starts[:-1]]
    return total
