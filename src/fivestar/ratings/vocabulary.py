"""Ids of users and items, and their indices in matrices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.ratings.sparse import Indices, csr_matrix

ESCAPED = str.maketrans({"\x1b": "\x1b\x1b", "\x1e": "\x1be", "\x1f": "\x1bf"})
"""How the fingerprint writes, inside of an id, the characters that part ids and lists of them."""


@dataclass(frozen=True)
class Vocabulary:
    """All known ids, sorted; an id's index is its row (user) or column (item)."""

    users: pd.Index
    items: pd.Index

    @classmethod
    def of(cls, tables: Iterable[pd.DataFrame]) -> Vocabulary:
        """Collect the ids of the columns ``user`` and ``item`` of all tables that have them."""
        tables = list(tables)
        users, items = (
            _sorted_ids(table[column] for table in tables if column in table)
            for column in ("user", "item")
        )
        return cls(users, items)

    @classmethod
    def from_dict(cls, ids: dict[str, list[str]]) -> Vocabulary:
        return cls(pd.Index(ids["users"], dtype="str"), pd.Index(ids["items"], dtype="str"))

    def to_dict(self) -> dict[str, list[str]]:
        return {"users": self.users.tolist(), "items": self.items.tolist()}

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that any change of an id or of their order changes."""
        digest = hashlib.blake2b(digest_size=16)
        for ids in (self.users, self.items):
            text = "\x1f".join(one.translate(ESCAPED) for one in ids.tolist())
            digest.update(text.encode(errors="surrogatepass") + b"\x1e")
        return digest.hexdigest()

    @property
    def shape(self) -> tuple[int, int]:
        """Number of users and number of items."""
        return len(self.users), len(self.items)

    def indices(self, table: pd.DataFrame) -> tuple[Indices, Indices]:
        """Rows and columns of the pairs in a table with ``user`` and ``item``; -1 if unknown."""
        return _indices(self.users, table["user"]), _indices(self.items, table["item"])

    def matrix(self, table: pd.DataFrame) -> sparse.csr_array:
        """Scores S, float32, users x items; its pattern of stored entries is the mask R.

        A rating of 0 is stored like any other. Each pair may occur once.
        """
        users, items = self.indices(table)
        return csr_matrix(users, items, table["rating"].to_numpy(), self.shape)


def _indices(known: pd.Index, ids: pd.Series) -> Indices:
    """Positions of the ids, looked up once for each category where they are codes."""
    if not isinstance(ids.dtype, pd.CategoricalDtype):
        return known.get_indexer(pd.Index(ids))
    of_categories = np.append(known.get_indexer(ids.cat.categories), -1)  # -1: a missing id
    indices: Indices = of_categories[ids.cat.codes]
    return indices


def _sorted_ids(columns: Iterable[pd.Series]) -> pd.Index:
    ids: set[str] = set()
    for column in columns:
        ids.update(column.unique())
    return pd.Index(sorted(ids), dtype="str")
