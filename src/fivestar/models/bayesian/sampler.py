"""The Gibbs sampler: every block of unknowns drawn in turn given all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.bayesian import kernels
from fivestar.models.bayesian.likelihood import Likelihood
from fivestar.models.bayesian.prior import RowPrior

Array = NDArray[np.floating]
Normal = tuple[Array, Array]
"""Means, (n, size), and precision, (size, size), of rows."""


class Rows:
    """Rows (factors and, last, the bias) of the users or items that are a matrix's rows."""

    def __init__(self, matrix: sparse.csr_array, values: Array) -> None:
        self.starts = matrix.indptr.astype(np.intp)
        self.columns = matrix.indices.astype(np.intp)
        self.values = values

    def sample(
        self, targets: Array, design: Array, weights: Array, prior: Normal, noise: Array
    ) -> None:
        """Draw all rows; see ``sample_rows``."""
        given = self.starts, self.columns, targets, design, weights
        kernels.sample_rows(*given, *prior, noise, self.values)

    def scores(self, columns: Array) -> Array:
        """x_u . y_i + b_u + b_i of all ratings, (n_ratings,), given the other side's rows."""
        scores = np.empty(len(self.columns), dtype=np.float32)
        kernels.scores(self.starts, self.columns, self.values, columns, scores)
        return scores


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
        users, items, likelihood = self.users, self.items, self.likelihood
        latent = likelihood.latent(self.scores)
        prior = self.user_prior.sample(users.values, self.random)
        sample_users(users, items.values, latent, likelihood, prior)
        # Ratings of an item differ in their noise: both sides of its regression are divided
        # by the noise's standard deviation.
        roots = np.sqrt(likelihood.noise.precisions.astype(np.float32))
        targets = latent[self.item_order] - users.values[items.columns, -1]
        prior = self.item_prior.sample(items.values, self.random)
        items.sample(
            targets * roots[items.columns],
            design(users.values) * roots[:, None],
            np.ones(len(items.values), np.float32),
            prior,
            self.random.standard_normal(items.values.shape, dtype=np.float32),
        )
        self.scores = users.scores(items.values)
        likelihood.noise.sample(likelihood.draws, latent - self.scores)

    @property
    def finite(self) -> bool:
        arrays = (self.users.values, self.items.values, self.likelihood.noise.precisions)
        return all(bool(np.isfinite(array).all()) for array in arrays)


def sample_users(
    users: Rows, items: Array, latent: Array, likelihood: Likelihood, prior: Normal
) -> None:
    """Draw the users' rows given latent ratings, the items' rows and the prior."""
    weights = likelihood.noise.precisions.astype(np.float32)
    noise = likelihood.draws.normal(items.shape[1], np.float32)
    targets = latent - items[users.columns, -1]
    users.sample(targets, design(items), weights, prior, noise)


def design(values: Array) -> Array:
    """What the other side is regressed on: factors and a one for its bias."""
    return np.hstack([values[:, :-1], np.ones((len(values), 1), np.float32)])
