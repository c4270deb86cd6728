"""What is expected of items and their covariance before the values of ratings are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.bayesian.prior import decompose
from fivestar.models.biases import shrunken_means
from fivestar.ratings import Indices, observed, with_values

Array = NDArray[np.floating]

USER_SHRINKAGE, ITEM_SHRINKAGE = 5.0, 5.0
"""Numbers of ratings as expected that are added to each user and each item."""
N_TURNS = 10
FEATURE_PENALTY = 1.0
"""Of the squared coefficients of the items' features in what is expected of their means."""
USER_BIAS, OWN, BY_FEATURES, BY_RATERS, BY_BOTH = 0.23, 0.20, 0.06, 0.15, 0.23
"""Variances of ``prior_covariance``, in variances of the bias model's residuals."""
SQUARED_WIDTH = 2.0
"""Of the kernel of the features: two genres more or less."""


@dataclass(frozen=True)
class RowsOfItems:
    """Rows of a covariance: one for each of the items rated most, and one of all the rest.

    Attributes
    ----------
    row_of_item : (n_items,)
    own_items : (n_own,) items with a row of their own, in the order of the rows
    """

    row_of_item: NDArray[np.int32]
    own_items: Indices

    @classmethod
    def most_rated(cls, ratings: sparse.csr_array, max_items: int) -> RowsOfItems:
        counts = np.bincount(ratings.indices, minlength=ratings.shape[1])
        own_items = np.argsort(-counts, kind="stable")[:max_items]
        row_of_item = np.full(len(counts), len(own_items), dtype=np.int32)
        row_of_item[own_items] = np.arange(len(own_items))
        return cls(row_of_item, own_items)

    @property
    def _memberships(self) -> sparse.csr_array:
        n_items = len(self.row_of_item)
        ones = np.ones(n_items, dtype=np.float32)
        return sparse.csr_array((ones, (self.row_of_item, np.arange(n_items))))

    def raters(self, ratings: sparse.csr_array) -> sparse.csr_array:
        """(n_rows, n_users) how many items of the row each user rated."""
        rated = with_values(ratings, np.ones(ratings.nnz, dtype=np.float32))
        raters: sparse.csr_array = (self._memberships @ rated.T).tocsr()
        return raters

    def means(self, features: sparse.csr_array) -> Array:
        """(n_rows, n_features) of the items of the row."""
        members = self._memberships
        means: Array = (members @ features).toarray() / members.sum(1)[:, None]
        return means


def prior_means(ratings: sparse.csr_array, features: sparse.csr_array) -> tuple[Array, Array]:
    """What items' features and numbers of ratings say of their means, and these means.

    Items that few people rated are liked less. A ridge regression of the items' means, free of
    the users' biases, on log(1 + n), its square, and the features; the means are shrunk
    towards what it says. Items without ratings count as rated as little as any other.

    Returns
    -------
    expected, means : (n_items,) float32 each
    """
    users, items, values = observed(ratings)
    n_users, n_items = ratings.shape
    counts = np.bincount(items, minlength=n_items)
    logs = np.log1p(np.maximum(counts, counts[counts > 0].min()))
    ones = np.ones(n_items)
    of_counts = sparse.csr_array(np.column_stack([ones, logs, logs**2]))
    design = sparse.hstack([of_counts, features], format="csr")
    weighted = sparse.diags_array(counts / (counts + ITEM_SHRINKAGE)) @ design
    system = (weighted.T @ design).toarray()
    system[np.diag_indices(len(system))] += np.r_[
        np.full(3, 1e-3), np.full(features.shape[1], FEATURE_PENALTY)
    ]
    mean = values.mean(dtype=np.float64)
    above = values - mean
    user_bias: Array = np.zeros(n_users)
    for _ in range(N_TURNS):
        own = shrunken_means(items, above - user_bias[users], n_items, 0)
        expected = design @ np.linalg.solve(system, weighted.T @ own)
        rest = above - user_bias[users] - expected[items]
        means = expected + shrunken_means(items, rest, n_items, ITEM_SHRINKAGE)
        user_bias = shrunken_means(users, above - means[items], n_users, USER_SHRINKAGE)
    return (expected + mean).astype(np.float32), (means + mean).astype(np.float32)


def prior_covariance(
    raters: sparse.csr_array, features: Array, variance: float
) -> NDArray[np.float32]:
    """K_0: a user's bias, each row's own deviation, and what rows have in common.

    Rows have in common what their features say (a linear kernel), who rated them, however that
    was (the cosine of the two groups of users), and both (a Gaussian kernel of the features
    times a cosine in which users who rated much count for less).

    Parameters
    ----------
    raters : (n_rows, n_users) numbers of ratings
    features : (n_rows, n_features)
    variance
        Of what the bias model leaves over.
    """
    centred = features - features.mean(0)
    linear = centred @ centred.T
    linear *= BY_FEATURES / max(np.diag(linear).mean(), 1e-6)
    squares = np.square(features).sum(1)
    distances = squares[:, None] + squares - 2 * features @ features.T
    near = np.exp(-distances / (2 * SQUARED_WIDTH))
    selective = raters @ sparse.diags_array(np.maximum(raters.sum(0), 1) ** -0.5)
    covariance = USER_BIAS + linear + BY_RATERS * cosines(raters)
    covariance += BY_BOTH * near * cosines(selective.tocsr())
    covariance[np.diag_indices(len(covariance))] += OWN
    scaled: NDArray[np.float32] = (variance * covariance).astype(np.float32)
    return scaled


def cosines(rows: sparse.csr_array) -> Array:
    """Of the angles between rows, (n_rows, n_rows); 0 where a row is empty."""
    directions = unit_rows(rows)
    products: Array = (directions @ directions.T).toarray()
    return products


def unit_rows(rows: sparse.csr_array) -> sparse.csr_array:
    """Rows scaled to length 1, entries in their order."""
    counts = np.diff(rows.indptr)
    of_entry = np.repeat(np.arange(len(counts)), counts)
    lengths = np.sqrt(np.bincount(of_entry, rows.data**2, minlength=len(counts)))
    return with_values(rows, (rows.data / lengths[of_entry]).astype(np.float32))


def rated_items(ratings: sparse.csr_array, item_weights: Array) -> sparse.csr_array:
    """Which items each user rated, as rows of length 1: the weights of the rated items."""
    return unit_rows(with_values(ratings, item_weights[ratings.indices]))


def projection(rows: sparse.csr_array, n_directions: int) -> NDArray[np.float32]:
    """Leading right singular vectors, (n_columns, n_directions) at the most."""
    eigenvalues, left = decompose(rows, n_directions)
    vectors: NDArray[np.float32] = (rows.T @ (left / np.sqrt(eigenvalues))).astype(np.float32)
    return vectors
