"""The Gibbs sampler: every block of unknowns drawn in turn given all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.bayesian import sampling
from fivestar.models.bayesian.likelihood import Likelihood
from fivestar.models.bayesian.prior import RowPrior
from fivestar.ratings import Positions

Array = NDArray[np.floating]
Groups = Sequence[sparse.csr_array]


class Side:
    """The rows of users or of items.

    Attributes
    ----------
    rows : (n, n_factors + 1) float32, factors and, last, the bias
    starts, columns : as in CSR with this side as rows
    order : (n_ratings,) positions in user order of the ratings in this side's order
    """

    def __init__(self, matrix: sparse.csr_array, order: Positions, prior: RowPrior) -> None:
        self.starts = matrix.indptr.astype(np.intp)
        self.columns = matrix.indices.astype(np.intp)
        self.order = order
        self.prior = prior
        noise = prior.random.normal(0, 0.1, prior.means.shape)
        self.rows: Array = noise.astype(np.float32)

    @property
    def design(self) -> Array:
        """What the other side is regressed on: factors and a one for its bias."""
        return np.hstack([self.rows[:, :-1], np.ones((len(self.rows), 1), np.float32)])

    @property
    def bias(self) -> Array:
        return self.rows[:, -1]

    def sample(self, targets: Array, design: Array, weights: Array) -> None:
        self.prior.sample(self.rows)
        sampling.sample_rows(
            self.starts,
            self.columns,
            targets,
            design,
            weights,
            self.prior.means,
            self.prior.precision,
            self.prior.random.standard_normal(self.rows.shape, dtype=np.float32),
            self.rows,
        )


class Chain:
    """A Markov chain over latent ratings, noise, rows of users and items and their priors.

    Parameters
    ----------
    train
        Users x items.
    n_factors
        Length of the factors.
    likelihood
        Gaussian or ordinal.
    user_features, item_features
        Groups of features of each side; may be empty.
    prior_scale, n_directions
        See ``RowPrior``.
    random
        Source of all draws.
    """

    def __init__(
        self,
        train: sparse.csr_array,
        n_factors: int,
        likelihood: Likelihood,
        user_features: Groups = (),
        item_features: Groups = (),
        *,
        prior_scale: float = 1.0,
        n_directions: int = 1,
        random: np.random.Generator,
    ) -> None:
        self.likelihood = likelihood
        n_users, n_items = train.shape
        places = np.arange(train.nnz)
        by_item = sparse.csr_array((places, train.indices, train.indptr), shape=train.shape)
        by_item = by_item.T.tocsr()
        size = n_factors + 1
        options: Any = {"scale": prior_scale, "n_directions": n_directions, "random": random}
        of_users = RowPrior(n_users, size, user_features, usual_by_entries=False, **options)
        of_items = RowPrior(n_items, size, item_features, usual_by_entries=True, **options)
        self.users = Side(train, places, of_users)
        self.items = Side(by_item, by_item.data, of_items)
        self.scores = np.zeros(train.nnz, dtype=np.float32)
        self._score()

    def sweep(self) -> None:
        """Draw everything once."""
        users, items, likelihood = self.users, self.items, self.likelihood
        latent = likelihood.latent(self.scores)
        precisions = likelihood.precisions.astype(np.float32)
        users.sample(latent - items.bias[users.columns], items.design, precisions)
        # Ratings of an item differ in their noise: both sides of its regression are divided
        # by the noise's standard deviation.
        roots = np.sqrt(precisions)
        rest = latent[items.order] - users.bias[items.columns]
        items.sample(
            rest * roots[items.columns],
            users.design * roots[:, None],
            np.ones(len(items.rows), np.float32),
        )
        self._score()
        likelihood.sample_noise(latent - self.scores)

    @property
    def finite(self) -> bool:
        arrays = (self.users.rows, self.items.rows, self.likelihood.precisions)
        return all(bool(np.isfinite(array).all()) for array in arrays)

    def _score(self) -> None:
        users, items = self.users, self.items
        sampling.scores(users.starts, users.columns, users.rows, items.rows, self.scores)
