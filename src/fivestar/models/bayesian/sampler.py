"""The Gibbs sampler: every block of unknowns drawn in turn given all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.bayesian.likelihood import Likelihood
from fivestar.models.bayesian.prior import RowPrior
from fivestar.models.bayesian.scores import scores
from fivestar.models.solver import RowSolver, with_ones

Array = NDArray[np.floating]
Normal = tuple[Array, Array]
"""Means, (n, size), and precision, (size, size), of rows."""


class Rows:
    """Rows (factors and, last, the bias) of the users or items that are a matrix's rows."""

    def __init__(self, matrix: sparse.csr_array, values: Array) -> None:
        self.solver = RowSolver(matrix)
        self.starts, self.columns = self.solver.starts, self.solver.columns
        self.values = values

    def sample(
        self, latent: Array, others: Array, precisions: Array, prior: Normal, noise: Array
    ) -> None:
        """Draw all rows; latent ratings and precisions are (n_ratings,), noise standard normal."""
        means, precision = prior
        self.values = self.solver.solve(
            latent - others[self.columns, -1],
            with_ones(others[:, :-1]),
            weights=precisions,
            gram=precision,
            linear=means @ precision,
            noise=noise,
        )

    def scores(self, others: Array) -> Array:
        """x_u . y_i + b_u + b_i of all ratings, (n_ratings,), given the other side's rows."""
        out = np.empty(len(self.columns), dtype=np.float32)
        scores(self.starts, self.columns, self.values, others, out)
        return out


class Sampler:
    """A Markov chain over latent ratings, noise, rows of users and items and their priors."""

    def __init__(
        self,
        train: sparse.csr_array,
        likelihood: Likelihood,
        user_prior: RowPrior,
        item_prior: RowPrior,
    ) -> None:
        self.likelihood, self.random = likelihood, likelihood.draws.random
        self.user_prior, self.item_prior = user_prior, item_prior
        self.n_sweeps = 0
        indices = np.arange(train.nnz)
        by_item = sparse.csr_array((indices, train.indices, train.indptr), train.shape).T.tocsr()
        self.item_order, size = by_item.data, len(user_prior.mean)
        self.users, self.items = (
            Rows(side, self.random.normal(0, 0.1, (side.shape[0], size)).astype(np.float32))
            for side in (train, by_item)
        )
        self.scores = self.users.scores(self.items.values)

    def sweep(self) -> None:
        """Draw everything once."""
        self.n_sweeps += 1
        users, items, likelihood = self.users, self.items, self.likelihood
        latent = likelihood.latent(self.scores)
        prior = self.user_prior.sample(users.values, self.random)
        sample_users(users, items.values, latent, likelihood, prior)
        prior = self.item_prior.sample(items.values, self.random)
        noise = self.random.standard_normal(items.values.shape, dtype=np.float32)
        precisions = likelihood.noise.precisions[items.columns]
        items.sample(latent[self.item_order], users.values, precisions, prior, noise)
        self.scores = users.scores(items.values)
        likelihood.noise.sample(likelihood.draws, latent - self.scores)


def sample_users(
    users: Rows, items: Array, latent: Array, likelihood: Likelihood, prior: Normal
) -> None:
    """Draw the users' rows given the items' rows and all else."""
    draws, precisions = likelihood.draws, likelihood.noise.precisions
    noise = draws.normal(items.shape[1], np.float32)
    users.sample(latent, items, np.repeat(precisions, draws.counts), prior, noise)
