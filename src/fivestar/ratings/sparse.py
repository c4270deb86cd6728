"""Sparse matrices of ratings, users x items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

Indices = NDArray[np.intp]
"""Indices of users (or items), one per pair; -1 for an id outside the vocabulary."""
Counts = NDArray[np.integer] | NDArray[np.floating]
"""Numbers of ratings, or sums of their weights."""


def csr_matrix(
    users: Indices,
    items: Indices,
    ratings: NDArray[np.floating],
    shape: tuple[int, int],
    dtype: DTypeLike = np.float32,
) -> sparse.csr_array:
    """Sparse scores with sorted columns and every given entry stored, zeros too.

    >>> users, items, ratings = np.array([0, 0, 1]), np.array([2, 0, 1]), np.array([5.0, 3.0, 0.0])
    >>> matrix = csr_matrix(users, items, ratings, (2, 3))
    >>> matrix.nnz, matrix.indices.tolist()
    (3, [0, 2, 1])
    """
    values = np.asarray(ratings, dtype=dtype)
    matrix = sparse.coo_array((values, (users, items)), shape=shape).tocsr()
    if matrix.nnz != len(values):
        raise ValueError("a user-item pair occurs more than once")
    matrix.sort_indices()
    return matrix


def observed(matrix: sparse.csr_array) -> tuple[Indices, Indices, NDArray[np.floating]]:
    """Users, items and ratings of all stored entries, row by row."""
    users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return users, matrix.indices.astype(np.intp), matrix.data


def observed_at(
    matrix: sparse.csr_array, places: NDArray[np.integer]
) -> tuple[Indices, Indices, NDArray[np.floating]]:
    """Users, items and ratings of some stored entries, given their places."""
    users = np.searchsorted(matrix.indptr, places, side="right") - 1
    return users, matrix.indices[places].astype(np.intp), matrix.data[places]


def observed_in_blocks(
    matrix: sparse.csr_array, size: int
) -> Iterator[tuple[slice, Indices, Indices, NDArray[np.floating]]]:
    """Of so many entries at a time their place, users, items and ratings."""
    for begin in range(0, matrix.nnz, size):
        block = slice(begin, min(begin + size, matrix.nnz))
        starts: Indices = np.clip(matrix.indptr, block.start, block.stop)
        users = np.repeat(np.arange(matrix.shape[0]), np.diff(starts))
        yield block, users, matrix.indices[block].astype(np.intp), matrix.data[block]


def merge(first: sparse.csr_array, second: sparse.csr_array) -> sparse.csr_array:
    """All ratings of two disjoint parts. (``first + second`` would drop ratings of 0.)"""
    n = first.nnz + second.nnz
    numbers = np.arange(1, n + 1, dtype=np.int32 if n < np.iinfo(np.int32).max else np.int64)
    both = with_values(first, numbers[: first.nnz]) + with_values(second, numbers[first.nnz :])
    if both.nnz != n:
        raise ValueError("a user-item pair occurs more than once")
    both.sort_indices()
    return with_values(both, np.concatenate([first.data, second.data])[both.data - 1])


def without_items(matrix: sparse.csr_array, items: Indices) -> sparse.csr_array:
    """Without the entries of these items, on the same indices."""
    users, columns, values = observed(matrix)
    kept = ~np.isin(columns, items)
    return csr_matrix(users[kept], columns[kept], values[kept], matrix.shape, values.dtype)


def with_values(matrix: sparse.csr_array, values: NDArray[Any]) -> sparse.csr_array:
    """The same entries with other values."""
    return sparse.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def row_sums(matrix: sparse.csr_array, weights: sparse.csr_array | None = None) -> Counts:
    """(n_rows,) how many entries each row has, or the sum of their weights."""
    counts: Counts = np.diff(matrix.indptr) if weights is None else weights.sum(axis=1)
    return counts
