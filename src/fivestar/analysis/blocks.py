"""Predictions of many users for many items, a block of users at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivestar.models import Model
from fivestar.models.progress import progress_bar
from fivestar.ratings import Indices

FloatArray = NDArray[np.float32]

PAIRS = 1 << 20
"""Predictions in memory at a time: 4 MB, and some 50 MB while they are made."""


class Blocks:
    """Predictions of every user for every item.

    Where the model's factors are exact they are one product of matrices, which takes a small
    part of the time that they take pair by pair.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        factors = model.factors()
        self.factors = factors if factors is not None and factors.exact else None

    def predict(self, users: Indices, items: Indices) -> FloatArray:
        """Ratings, (n_users, n_items); fallbacks where need be."""
        model, factors = self.model, self.factors
        if factors is None or factors.users is None:
            return predict_table(model, users, items)
        table = (factors.users[users] @ factors.items[items].T).astype(np.float32, copy=False)
        table += np.float32(factors.constant)
        if factors.item_bias is not None:
            table += factors.item_bias[items]
        if factors.user_bias is not None:
            table += factors.user_bias[users, None]
        if model.clamp:
            np.clip(table, *model.ends.tolist(), out=table)
        if model.whole_stars:
            np.rint(table, out=table)
        cold = np.flatnonzero((users < 0) | ~model.known_users[users])
        table[cold] = predict_table(model, users[cold], items)
        unknown = np.flatnonzero(~model.known_items[items])
        table[:, unknown] = predict_table(model, users, items[unknown])
        return table

    def iterate(
        self, users: Indices, items: Indices, label: str
    ) -> Iterator[tuple[Indices, FloatArray]]:
        """Some users after the other, (n,), and their predictions, (n, n_items).

        The label is that of a progress bar.
        """
        height = max(1, PAIRS // max(len(items), 1))
        with progress_bar(len(users), label) as bar:
            for start in range(0, len(users), height):
                block = users[start : start + height]
                yield block, self.predict(block, items)
                bar.update(len(block))


def predict_table(model: Model, users: Indices, items: Indices) -> FloatArray:
    """Predictions of every user for every item pair by pair, (n_users, n_items)."""
    pairs = np.repeat(users, len(items)), np.tile(items, len(users))
    return model.predict(*pairs).reshape(len(users), len(items))


def unbounded(model: Model) -> Model:
    """The same model, its predictions neither kept inside the scale nor rounded.

    To rank by: the best items of a user may all be predicted the highest rating.
    """
    free = copy.copy(model)
    free.clamp = free.whole_stars = False
    return free
