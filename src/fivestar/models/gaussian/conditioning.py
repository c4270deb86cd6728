"""Users' Gaussian vectors given the ratings that there are of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg.lapack import spotrf, spotri

from fivestar.models.compiled import compiled

Array = NDArray[np.float32]


@dataclass(frozen=True)
class RatedRows:
    """Which rows of the covariance each user's ratings belong to.

    Attributes
    ----------
    starts : (n_users + 1,) where each user starts in ``rows``
    rows : (n_ratings,) rows of K, user by user; a row may come several times
    """

    starts: NDArray[np.int64]
    rows: NDArray[np.int32]

    @classmethod
    def of(cls, ratings: sparse.csr_array, row_of_item: NDArray[np.int32]) -> RatedRows:
        return cls(ratings.indptr.astype(np.int64), row_of_item[ratings.indices])

    def __iter__(self) -> Iterator[tuple[slice, NDArray[np.int32]]]:
        """The part of each user who rated, and its rows."""
        for user in np.flatnonzero(np.diff(self.starts)):
            part = slice(self.starts[user], self.starts[user + 1])
            yield part, self.rows[part]

    def matrix(self, values: Array, n_rows: int) -> sparse.csr_array:
        """One value a rating as a sparse matrix, users x rows of K."""
        shape = (len(self.starts) - 1, n_rows)
        matrix = sparse.csr_array((values.copy(), self.rows.copy(), self.starts), shape=shape)
        matrix.sum_duplicates()
        return matrix


def coefficients(
    covariance: Array, rated: RatedRows, residuals: Array, noise: float, total: Array | None = None
) -> Array:
    """The weights (n_ratings,) of K's rows in each user's posterior mean: G_u e_u.

    G_u = (K_OO + s^2 I)^-1 of the rated rows O. Where a ``total``, the size of K, is given, the
    G_u of all users are added to it at their rows and columns.
    """
    found = np.zeros_like(residuals)
    for part, rows in rated:
        precision = precision_of(covariance, rows, noise)
        found[part] = precision @ residuals[part]
        if total is not None:
            _add_at(total, rows, precision)
    return found


def precision_of(covariance: Array, rows: NDArray[np.int32], noise: float) -> Array:
    """G = (K_OO + s^2 I)^-1.

    Raises
    ------
    FloatingPointError
        If the covariance is not positive definite, in which case it is not one.
    """
    block = covariance[np.ix_(rows, rows)]
    block[np.diag_indices(len(rows))] += np.float32(noise)
    if not len(rows):
        return block
    root, failed = spotrf(block, lower=0, overwrite_a=1)
    if failed:
        raise FloatingPointError("the covariance of the items is not positive definite")
    upper, _ = spotri(root, lower=0, overwrite_c=1)
    inverse: Array = np.triu(upper) + np.triu(upper, 1).T
    return inverse


@compiled
def _add_at(total: Array, rows: NDArray[np.int32], block: Array) -> None:
    for i, row in enumerate(rows):
        for j, column in enumerate(rows):
            total[row, column] += block[i, j]


def posterior_variances(
    users: NDArray[np.intp],
    rows: NDArray[np.int32],
    covariance: Array,
    rated: RatedRows,
    noise: float,
) -> Array:
    """K_ii - K_iO G_u K_Oi of pairs of a user and a row i of K."""
    variances = np.diag(covariance)[rows]
    order = np.argsort(users, kind="stable")
    present, starts = np.unique(users[order], return_index=True)
    for user, pairs in zip(present, np.split(order, starts[1:]), strict=False):
        own = rated.rows[rated.starts[user] : rated.starts[user + 1]]
        across = covariance[np.ix_(rows[pairs], own)]
        explained = across @ precision_of(covariance, own, noise)
        variances[pairs] -= np.einsum("pr,pr->p", explained, across)
    return np.maximum(variances, 0)


@compiled
def posterior_means(
    users: NDArray[np.intp],
    rows: NDArray[np.int32],
    covariance: Array,
    starts: NDArray[np.int64],
    rated: NDArray[np.int32],
    weights: Array,
) -> Array:
    """K_iO G_u e_u of pairs of a user and a row i of K."""
    means = np.zeros(len(users), np.float32)
    for pair, user in enumerate(users):
        row, total = covariance[rows[pair]], np.float32(0)
        for at in range(starts[user], starts[user + 1]):
            total += row[rated[at]] * weights[at]
        means[pair] = total
    return means
