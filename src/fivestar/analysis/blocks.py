"""Predictions of many users for many items, a block of users at a time."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivestar.analysis.products import Product
from fivestar.models import Model
from fivestar.models.progress import progress_bar
from fivestar.ratings import Positions

FloatArray = NDArray[np.float32]

PAIRS = 1 << 20
"""Predictions in memory at a time: 4 MB, and some 50 MB while they are made."""
SAMPLE = 10_000
"""Predictions that an estimate of the time is made from."""
TRIALS = 3


class Tables:
    """``predict`` of every user for every item, by a product of matrices where that is the same.

    Parameters
    ----------
    model
        Looked into when this is made.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.product = Product.of(unbounded(model))

    def __call__(self, users: Positions, items: Positions) -> FloatArray:
        """Stars, (n_users, n_items), float32; fallbacks where need be."""
        if self.product is None:
            return predict_table(self.model, users, items)
        stars = self.product.table(users, items)
        if self.model.clamp:
            np.clip(stars, *self.model.ends, out=stars)
        if self.model.whole_stars:
            np.rint(stars, out=stars)
        strangers = np.flatnonzero(~self.model.known_users[users])
        stars[strangers] = predict_table(self.model, users[strangers], items)
        unknown = np.flatnonzero(~self.model.known_items[items])
        stars[:, unknown] = predict_table(self.model, users, items[unknown])
        return stars


def predict_table(model: Model, users: Positions, items: Positions) -> FloatArray:
    """The same pair by pair."""
    pairs = np.repeat(users, len(items)), np.tile(items, len(users))
    return model.predict(*pairs).reshape(len(users), len(items))


def predict_blocks(
    tables: Tables, users: Positions, items: Positions, label: str, n_pairs: int = PAIRS
) -> Iterator[tuple[Positions, FloatArray]]:
    """Some users after the other, with a progress bar.

    Parameters
    ----------
    users, items
        Positions.
    label
        On the bar.
    n_pairs
        Predictions in a block, at the most where users have fewer each.

    Yields
    ------
    users, stars
        (n,) and (n, n_items).
    """
    height = max(1, n_pairs // max(len(items), 1))
    with progress_bar(len(users), label) as bar:
        for start in range(0, len(users), height):
            block = users[start : start + height]
            yield block, tables(block, items)
            bar.update(len(block))


def estimate_seconds(tables: Tables, users: Positions, items: Positions) -> float:
    """About how long the predictions of all users for all items take, from those of a few."""
    if not len(users) or not len(items):
        return 0.0
    few = users[: max(1, SAMPLE // len(items))]
    seconds = []
    for _ in range(TRIALS):  # the first one may compile, others may be interrupted
        start = time.perf_counter()
        tables(few, items)
        seconds.append(time.perf_counter() - start)
    return min(seconds) * len(users) / len(few)


def unbounded(model: Model) -> Model:
    """The same model, its predictions neither kept inside the scale nor rounded.

    To rank by: the best items of a user may all be predicted the highest star.
    """
    free = copy.copy(model)
    free.clamp = free.whole_stars = False
    return free
