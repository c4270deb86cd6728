"""Predictions that are one product of two matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivestar.analysis.embeddings import Embeddings, embeddings_of
from fivestar.models import Model
from fivestar.ratings import Positions

FloatArray = NDArray[np.float32]

CHECKED = 512
"""Pairs that a product is checked on."""
TOLERANCE = 1e-3
"""Largest difference there, stars: sums of float32 in another order differ by far less."""


class Product:
    """constant + user_bias_u + item_bias_i + x_u . y_i, for users and items that are known.

    Most factorisations predict this. As a product of matrices all predictions take a small
    part of the time that they take pair by pair.

    Parameters
    ----------
    embeddings
        With vectors of users.
    """

    def __init__(self, embeddings: Embeddings) -> None:
        assert embeddings.users is not None
        self.users, self.items = embeddings.users, embeddings.items
        self.user_bias = _bias(embeddings.user_bias, len(self.users))
        self.item_bias = _bias(embeddings.item_bias, len(self.items))
        self.constant = 0.0

    @classmethod
    def of(cls, model: Model) -> Product | None:
        """What a model predicts before it clamps, or None if that is no such product.

        Found by comparison on pairs drawn at random, not by the model's kind.

        Parameters
        ----------
        model
            That does not clamp.
        """
        users, items = (np.flatnonzero(known) for known in (model.known_users, model.known_items))
        embeddings = embeddings_of(model)
        if embeddings is None or embeddings.users is None or not embeddings.in_stars:
            return None
        if not len(users) or not len(items):
            return None
        random = np.random.default_rng(0)
        pairs = random.choice(users, CHECKED), random.choice(items, CHECKED)
        product = cls(embeddings)
        differences = model.predict(*pairs) - product.pairs(*pairs)
        constant = float(np.median(differences))
        product.constant = constant
        return product if np.abs(differences - constant).max() < TOLERANCE else None

    def table(self, users: Positions, items: Positions) -> FloatArray:
        """(n_users, n_items)"""
        stars = (self.users[users] @ self.items[items].T).astype(np.float32, copy=False)
        stars += self.item_bias[items]
        stars += self.user_bias[users, None]
        stars += self.constant
        return stars

    def pairs(self, users: Positions, items: Positions) -> NDArray[np.floating]:
        """(n_pairs,)"""
        products: NDArray[np.floating] = np.einsum("pk,pk->p", self.users[users], self.items[items])
        return products + self.user_bias[users] + self.item_bias[items] + self.constant


def _bias(bias: NDArray[np.floating] | None, n: int) -> FloatArray:
    return np.zeros(n, dtype=np.float32) if bias is None else bias.astype(np.float32)
