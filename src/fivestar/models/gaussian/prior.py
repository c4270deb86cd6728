"""What is expected of items and their covariance before any user's ratings are compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.bayesian.prior import decompose
from fivestar.models.biases import shrunken_means
from fivestar.ratings import observed

Array = NDArray[np.floating]

USER_SHRINKAGE, ITEM_SHRINKAGE = 5.0, 5.0
"""Numbers of ratings at their expectation that are added to each user and item."""
N_TURNS = 10
FEATURE_PENALTY = 1.0
"""Of the squared coefficients of the items' features."""
USER_BIAS, OWN, BY_FEATURES, BY_RATERS, BY_BOTH = 0.23, 0.06, 0.06, 0.35, 0.23
"""Variances of ``prior_covariance``, in those of the residuals of the bias model."""


def prior_means(ratings: sparse.csr_array, features: sparse.csr_array) -> tuple[Array, Array]:
    """What the items' features and numbers of ratings say of their means, and the means.

    Rarely rated items are liked less. A ridge regression of the items' means, free of the
    users' biases, on a square function of log(1 + n) and the features; the means are shrunk
    towards what it says.

    Returns
    -------
    expected, means : (n_items,) each
    """
    users, items, values = observed(ratings)
    n_users, n_items = ratings.shape
    counts = np.bincount(items, minlength=n_items)
    logs = np.log1p(counts)
    design = np.column_stack([np.ones(n_items), logs, logs**2, features.toarray()])
    penalties = np.diag(np.r_[np.full(3, 1e-3), np.full(features.shape[1], FEATURE_PENALTY)])
    weighted = design * (counts / (counts + ITEM_SHRINKAGE))[:, None]
    above = values - values.mean(dtype=np.float64)
    expected, user_bias = np.zeros(n_items), np.zeros(n_users)
    for _ in range(N_TURNS):
        own = shrunken_means(items, above - user_bias[users], n_items, 0)
        expected = design @ np.linalg.solve(weighted.T @ design + penalties, weighted.T @ own)
        rest = above - user_bias[users] - expected[items]
        means = expected + shrunken_means(items, rest, n_items, ITEM_SHRINKAGE)
        user_bias = shrunken_means(users, above - means[items], n_users, USER_SHRINKAGE)
    return expected + values.mean(dtype=np.float64), means + values.mean(dtype=np.float64)


def prior_covariance(raters: sparse.csr_array, features: Array) -> NDArray[np.float32]:
    """K_0 of rows of items, in the variance of the residuals of the bias model.

    A user's bias, which all rows have in common; each row's own deviation; and what rows have
    in common by their features, by who rated them (however they rated them), and by both.

    Parameters
    ----------
    raters : (n_rows, n_users) the number of ratings
    features : (n_rows, n_features)
    """
    n_rows = len(features)
    centred = features - features.mean(0)
    linear = centred @ centred.T
    linear *= BY_FEATURES / max(np.diag(linear).mean(), 1e-6)
    squares = np.square(features).sum(1)
    near = np.exp(-(squares[:, None] + squares - 2 * features @ features.T) / 4)
    selective = raters @ sparse.diags_array(np.maximum(raters.sum(0), 1) ** -0.5)
    covariance = USER_BIAS + linear + BY_RATERS * cosines(raters)
    covariance += BY_BOTH * near * cosines(selective)
    covariance[np.diag_indices(n_rows)] += OWN
    return covariance.astype(np.float32)


def cosines(rows: sparse.csr_array) -> Array:
    """Of the angles between rows, (n_rows, n_rows); 0 where a row is empty."""
    directions = unit_rows(rows)
    products: Array = (directions @ directions.T).toarray()
    return products


def unit_rows(rows: sparse.csr_array) -> sparse.csr_array:
    lengths = np.sqrt(rows.multiply(rows).sum(1))
    unit: sparse.csr_array = sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ rows
    return unit.tocsr()


def rated_items(ratings: sparse.csr_array, item_weights: Array) -> sparse.csr_array:
    """Which items each user rated, as directions: rows of length 1, weighted by item."""
    shape = ratings.shape
    pairs = sparse.csr_array((item_weights[ratings.indices], ratings.indices, ratings.indptr), shape)
    return unit_rows(pairs)


def projection(rows: sparse.csr_array, n_directions: int) -> NDArray[np.float32]:
    """Leading right singular vectors, (n_columns, n_directions) at the most."""
    eigenvalues, left = decompose(rows, n_directions)
    vectors: NDArray[np.float32] = (rows.T @ (left / np.sqrt(eigenvalues))).astype(np.float32)
    return vectors
