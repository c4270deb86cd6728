"""The table of all predictions, users x items, as the course prints it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fivestar.analysis.blocks import FloatArray, Tables, predict_blocks
from fivestar.models import Model
from fivestar.ratings import Positions, Vocabulary

CELLS = 1 << 24
"""Predictions of a block of the file: 64 MB, held in memory twice."""
BYTES = 4.2
"""Of a prediction in the file, about: float32, and what the file says of each column."""


class FullTable:
    """Arrow tables whose rows, one after the other, are R-hat: all predictions of a model.

    A row is a user, named in the first column, ``user``; the others are the items, float32, by
    their ids. Predictions stand in the cells of ratings too.

    It can be gone through again; nothing is predicted before.

    Parameters
    ----------
    model
        Trained on the positions of the vocabulary.
    vocabulary
        Of users and items. None makes no table at all.
    """

    def __init__(self, model: Model, vocabulary: Vocabulary | None) -> None:
        self.model = model
        self.vocabulary = vocabulary

    def __iter__(self) -> Iterator[pa.Table]:
        if self.vocabulary is None:
            return
        tables = Tables(self.model)
        n_users, n_items = self.vocabulary.shape
        height = max(1, CELLS // n_items)
        for start in range(0, n_users, height):
            users = np.arange(start, min(start + height, n_users))
            yield _as_table(self.vocabulary, users, _stars(tables, users, n_items))


def megabytes(n_users: int, n_items: int) -> float:
    """Of the file, about."""
    return BYTES * n_users * n_items / 1e6


def _stars(tables: Tables, users: Positions, n_items: int) -> FloatArray:
    stars = np.empty((len(users), n_items), dtype=np.float32)
    for block, part in predict_blocks(tables, users, np.arange(n_items), "full table"):
        stars[block - users[0]] = part
    return stars


def _as_table(vocabulary: Vocabulary, users: Positions, stars: FloatArray) -> pa.Table:
    items = vocabulary.items.tolist()
    ids = "user"
    while ids in items:
        ids = f"_{ids}"
    columns = np.ascontiguousarray(stars.T)
    return pa.Table.from_arrays(
        [pa.array(vocabulary.users[users].tolist(), pa.string()), *map(pa.array, columns)],
        names=[ids, *items],
    )
