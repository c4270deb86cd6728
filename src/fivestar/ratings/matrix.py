"""Ratings as numbers: ids to positions, a sparse matrix of scores, the scale of the stars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

Positions = NDArray[np.intp]
"""Positions of users (or items), one per pair; -1 for an id outside the vocabulary."""


@dataclass(frozen=True)
class Scale:
    """The stars a rating may take.

    Parameters
    ----------
    lowest, highest
        Both ends belong to the scale.
    """

    lowest: float
    highest: float

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise ValueError(
                f"scale: lowest ({self.lowest}) must lie below highest ({self.highest})"
            )


@dataclass(frozen=True)
class Vocabulary:
    """All known ids, sorted; an id's position is its row (user) or column (item)."""

    users: pd.Index
    items: pd.Index

    @classmethod
    def of(cls, tables: Iterable[pd.DataFrame]) -> Vocabulary:
        """Collect the ids of the columns ``user`` and ``item`` of all tables."""
        tables = list(tables)
        return cls(*(_sorted_ids(table[column] for table in tables) for column in ("user", "item")))

    @classmethod
    def from_dict(cls, ids: dict[str, list[str]]) -> Vocabulary:
        return cls(pd.Index(ids["users"], dtype="str"), pd.Index(ids["items"], dtype="str"))

    def to_dict(self) -> dict[str, list[str]]:
        return {"users": self.users.tolist(), "items": self.items.tolist()}

    @property
    def shape(self) -> tuple[int, int]:
        """Number of users and number of items."""
        return len(self.users), len(self.items)

    def positions(self, table: pd.DataFrame) -> tuple[Positions, Positions]:
        """Rows and columns of the pairs in a table with ``user`` and ``item``; -1 if unknown."""
        users, items = pd.Index(table["user"]), pd.Index(table["item"])
        return self.users.get_indexer(users), self.items.get_indexer(items)

    def matrix(self, table: pd.DataFrame) -> sparse.csr_array:
        """Scores S, float32, users x items; its pattern of stored entries is the mask R.

        A rating of 0 is stored like any other. Each pair may occur once.
        """
        users, items = self.positions(table)
        return csr_matrix(users, items, table["rating"].to_numpy(), self.shape)


def csr_matrix(
    users: Positions, items: Positions, ratings: NDArray[np.floating], shape: tuple[int, int]
) -> sparse.csr_array:
    """Sparse scores with sorted columns and every given entry stored, zeros too."""
    values = np.asarray(ratings, dtype=np.float32)
    matrix = sparse.coo_array((values, (users, items)), shape=shape).tocsr()
    if matrix.nnz != len(values):
        raise ValueError("a user-item pair occurs more than once")
    matrix.sort_indices()
    return matrix


def observed(matrix: sparse.csr_array) -> tuple[Positions, Positions, NDArray[np.float32]]:
    """Users, items and ratings of all stored entries, row by row."""
    users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return users, matrix.indices.astype(np.intp), matrix.data


def merge(first: sparse.csr_array, second: sparse.csr_array) -> sparse.csr_array:
    """All ratings of two disjoint parts. (``first + second`` would drop ratings of 0.)"""
    parts = [observed(first), observed(second)]
    users, items, ratings = (np.concatenate(column) for column in zip(*parts, strict=True))
    return csr_matrix(users, items, ratings, first.shape)


def _sorted_ids(columns: Iterable[pd.Series]) -> pd.Index:
    ids: set[str] = set()
    for column in columns:
        ids.update(column.unique())
    return pd.Index(sorted(ids), dtype="str")
