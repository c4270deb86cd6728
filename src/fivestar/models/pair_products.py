"""Dot products of pairs of a user's and an item's vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivestar.models.compiled import compiled
from fivestar.models.threads import in_threads, slices
from fivestar.ratings import Indices

Array = NDArray[np.floating]

PAIRS = 1 << 15
"""Of a thread at a time."""


def pair_products(users: Indices, items: Indices, left: Array, right: Array) -> Array:
    """x_u . y_i of pairs, (n_pairs,), of vectors (n_users, k) and (n_items, k)."""
    products = np.empty(len(users), dtype=np.result_type(left, right))

    def fill(part: slice) -> None:
        _fill(users[part], items[part], left, right, products[part])

    in_threads(fill, slices(len(users), PAIRS))
    return products


@compiled
def _fill(users: Indices, items: Indices, left: Array, right: Array, products: Array) -> None:
    for p in range(len(users)):
        user, item = left[users[p]], right[items[p]]
        total = products.dtype.type(0)
        for a in range(len(user)):
            total += user[a] * item[a]
        products[p] = total
