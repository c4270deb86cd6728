"""The Gibbs sampler: every block of unknowns drawn in turn given all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.bayesian.likelihood import Likelihood
from fivestar.models.bayesian.prior import RowPrior
from fivestar.models.bayesian.scores import scores
from fivestar.models.compiled import compiled
from fivestar.models.solver import RowSolver
from fivestar.models.threads import rows_in_threads

Array = NDArray[np.floating]
Normal = tuple[Array, Array]
"""Means, (n, size), and precision, (size, size), of rows."""

COST_OF_GATHERING = 8.0
"""Of a rating, in multiplications that take as long."""


class Rows:
    """Rows (factors and, last, the bias) of the users or items that are a matrix's rows."""

    def __init__(self, matrix: sparse.csr_array, values: Array) -> None:
        self.solver = RowSolver(matrix)
        self.starts, self.columns = self.solver.starts, self.solver.columns
        self.values = values

    def sample(
        self,
        latent: Array,
        others: Array,
        prior: Normal,
        noise: Array,
        *,
        row_weights: Array | None = None,
        column_weights: Array | None = None,
    ) -> None:
        """Draw all rows given latent ratings, (n_ratings,), and standard normal noise.

        The weights are the precisions of the latent ratings, by row or by column.
        """
        means, precision = prior
        self.values = self.solver.solve(
            latent,
            others[:, :-1],
            ones=True,
            offsets=others[:, -1],
            row_weights=row_weights,
            column_weights=column_weights,
            gram=precision,
            linear=means @ precision,
            noise=noise,
        )

    def scores(self, others: Array) -> Array:
        """x_u . y_i + b_u + b_i of all ratings, (n_ratings,), given the other side's rows."""
        out = np.empty(len(self.columns), dtype=np.float32)

        def write(first: int, end: int) -> None:
            starts, own = self.starts[first : end + 1], self.values[first:end]
            scores(starts, self.columns, own, others, out)

        rows_in_threads(write, self.starts, others.shape[1] * len(out))
        return out

    def gathered(self, values: Array, places: NDArray[np.integer]) -> NDArray[np.float32]:
        """Values of the ratings from places in another order, (n_ratings,)."""
        out = np.empty(len(places), dtype=np.float32)

        def write(first: int, end: int) -> None:
            part = slice(self.starts[first], self.starts[end])
            _gather(values, places[part], out[part])

        rows_in_threads(write, self.starts, COST_OF_GATHERING * len(out))
        return out


@compiled
def _gather(values: Array, places: NDArray[np.integer], out: Array) -> None:
    for p in range(len(out)):
        out[p] = values[np.uintp(places[p])]


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
        indices = np.arange(train.nnz, dtype=train.indices.dtype)
        by_item = sparse.csr_array((indices, train.indices, train.indptr), train.shape).T.tocsr()
        self.item_order, size = by_item.data, len(user_prior.mean)
        self.users, self.items = (
            Rows(side, self.random.normal(0, 0.1, (side.shape[0], size)).astype(np.float32))
            for side in (train, by_item)
        )
        self.scores = self.users.scores(self.items.values)

    def run(self, n_sweeps: int) -> None:
        """Draw everything so many times."""
        for _ in range(n_sweeps):
            self.sweep()

    def sweep(self) -> None:
        """Draw everything once."""
        self.n_sweeps += 1
        users, items, likelihood = self.users, self.items, self.likelihood
        latent = likelihood.latent(self.scores)
        prior = self.user_prior.sample(users.values, self.random)
        sample_users(users, items.values, latent, likelihood, prior)
        prior = self.item_prior.sample(items.values, self.random)
        noise = self.random.standard_normal(items.values.shape, dtype=np.float32)
        precisions = likelihood.noise.precisions
        of_items = items.gathered(latent, self.item_order)
        items.sample(of_items, users.values, prior, noise, column_weights=precisions)
        self.scores = users.scores(items.values)
        likelihood.noise.sample(likelihood.draws, latent - self.scores)


def sample_users(
    users: Rows, items: Array, latent: Array, likelihood: Likelihood, prior: Normal
) -> None:
    """Draw the users' rows given the items' rows and all else."""
    noise = likelihood.draws.normal(items.shape[1], np.float32)
    users.sample(latent, items, prior, noise, row_weights=likelihood.noise.precisions)
