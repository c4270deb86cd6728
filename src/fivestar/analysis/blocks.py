"""Predictions of many users for many items, a block of users at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models import Model
from fivestar.models.factors import Factors
from fivestar.models.progress import progress_bar
from fivestar.models.threads import slices
from fivestar.ratings import Indices, Times

FloatArray = NDArray[np.float32]

PAIRS = 1 << 21
"""Predictions in memory at a time: 8 MB, and some 100 MB while they are made pair by pair."""


class Blocks:
    """Predictions of every user for some items.

    Where there are factors they are one product of matrices, which takes a small part of the
    time that they take pair by pair.

    Parameters
    ----------
    factors
        Whose sums stand for the predictions of known pairs; those of the model, where these
        are exact, unless they are given.
    """

    def __init__(self, model: Model, items: Indices, factors: Factors | None = None) -> None:
        self.model, self.items = model, items
        self.height = max(1, PAIRS // max(len(items), 1))
        if factors is None:
            own = model.factors()
            factors = own if own is not None and own.exact else None
        self.factors = None if factors is None or factors.users is None else factors
        if self.factors is not None:
            self.rows, columns = self.factors.with_biases()
            self.columns = np.ascontiguousarray(columns[items].T)
            self.unknown = np.flatnonzero(~model.known_items[items])

    def predict(self, users: Indices) -> FloatArray:
        """Ratings, (n_users, n_items); fallbacks where need be."""
        model = self.model
        if self.factors is None:
            return predict_table(model, users, self.items)
        table = (self.rows[users] @ self.columns).astype(np.float32, copy=False)
        if model.clamp:
            np.clip(table, *model.ends.tolist(), out=table)
        if model.whole_stars:
            np.rint(table, out=table)
        cold = np.flatnonzero((users < 0) | ~model.known_users[users])
        table[cold] = predict_table(model, users[cold], self.items)
        table[:, self.unknown] = predict_table(model, users, self.items[self.unknown])
        return table

    def iterate(self, users: Indices, label: str) -> Iterator[FloatArray]:
        """Their predictions, (n, n_items), for some users after the other.

        The label is that of a progress bar.
        """
        with progress_bar(len(users), label) as bar:
            for block in slices(len(users), self.height):
                yield self.predict(users[block])
                bar.update(block.stop - block.start)


def predict_table(model: Model, users: Indices, items: Indices) -> FloatArray:
    """Predictions of every user for every item pair by pair, (n_users, n_items)."""
    pairs = np.repeat(users, len(items)), np.tile(items, len(users))
    return model.predict(*pairs).reshape(len(users), len(items))


def predict_ratings(
    model: Model, ratings: sparse.csr_array, times: Times | None = None
) -> FloatArray:
    """Predictions of all stored entries, (n_ratings,); ``times`` are when they were given."""
    users = np.repeat(np.arange(ratings.shape[0], dtype=np.int32), np.diff(ratings.indptr))
    predicted = np.empty(ratings.nnz, dtype=np.float32)
    for part in slices(ratings.nnz, PAIRS):
        rows, columns = (each[part].astype(np.intp) for each in (users, ratings.indices))
        of_part = None if times is None else times[part]
        predicted[part] = model.predict(rows, columns, of_part)
    return predicted


def unbounded(model: Model) -> Model:
    """The same model, its predictions neither kept inside the scale nor rounded.

    To rank by: the best items of a user may all be predicted the highest rating.
    """
    free = copy.copy(model)
    free.clamp = free.whole_stars = False
    return free
