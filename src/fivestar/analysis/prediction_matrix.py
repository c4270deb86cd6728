"""The matrix of all predictions, users x items."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fivestar.analysis.blocks import Blocks
from fivestar.models import Model
from fivestar.ratings import Vocabulary

CELLS = 1 << 24
"""Predictions of a row group of the file: 64 MB, held in memory twice."""
BYTES = 4.2
"""Of a prediction in the file, about: float32, and what the file says of each column."""


class PredictionMatrix:
    """Arrow tables whose rows, one after the other, are all predictions of a model.

    A row is a user, named in the first column, ``user``; the others are the items, float32, by
    their ids. Predictions stand in the cells of ratings too. Nothing is predicted before the
    tables are asked for, and they can be asked for again.
    """

    def __init__(self, model: Model, vocabulary: Vocabulary) -> None:
        self.model, self.vocabulary = model, vocabulary

    def __iter__(self) -> Iterator[pa.Table]:
        n_users, n_items = self.vocabulary.shape
        blocks = Blocks(self.model, np.arange(n_items))
        names = self.vocabulary.items.tolist()
        first = "user"
        while first in names:
            first = f"_{first}"
        height = max(1, CELLS // n_items)
        for start in range(0, n_users, height):
            users = np.arange(start, min(start + height, n_users))
            predicted = list(blocks.iterate(users, "prediction matrix"))
            columns = np.ascontiguousarray(np.concatenate(predicted).T)
            ids = pa.array(self.vocabulary.users[users].tolist(), pa.string())
            yield pa.Table.from_arrays([ids, *map(pa.array, columns)], names=[first, *names])


def megabytes(n_users: int, n_items: int) -> float:
    """Of the file, about."""
    return BYTES * n_users * n_items / 1e6
