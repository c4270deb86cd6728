"""What a model has learned of each user and item, as vectors and biases in one form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fivestar.ratings import Indices

Array = NDArray[np.floating]

ITERATIONS = 3
"""Of ``low_rank``; with more its dot products are hardly closer."""


@dataclass(frozen=True, kw_only=True)
class Factors:
    """Vectors and biases whose sum is what a model says of a pair.

        prediction ~ constant + user_bias_u + item_bias_i + users_u . items_i

    Attributes
    ----------
    items : (n_items, k)
    users : (n_users, k); None where a prediction is no dot product
    item_bias, user_bias : (n_items,) and (n_users,); None where the model has none
    constant
        The same for all pairs.
    in_ratings
        Whether the sum is on the scale of the ratings; if not, it still goes through a sigmoid
        or cutpoints.
    exact
        Whether the sum is the prediction of known pairs, before it is kept inside the scale.
    """

    items: Array
    users: Array | None = None
    item_bias: Array | None = None
    user_bias: Array | None = None
    constant: float = 0.0
    in_ratings: bool = True
    exact: bool = False

    @classmethod
    def biased(
        cls, constant: float, user_bias: Array, item_bias: Array, users: Array, items: Array
    ) -> Factors:
        """Of a factorisation; biases that are empty or zero count as none."""
        return cls(
            items=items,
            users=users,
            item_bias=item_bias if item_bias.any() else None,
            user_bias=user_bias if user_bias.any() else None,
            constant=float(constant),
            exact=True,
        )

    @classmethod
    def of_biases(cls, constant: float, user_bias: Array, item_bias: Array) -> Factors:
        """Of a model that is nothing but biases: vectors of length 0."""
        users, items = (np.empty((len(bias), 0), bias.dtype) for bias in (user_bias, item_bias))
        return cls.biased(constant, user_bias, item_bias, users, items)

    def of_pairs(self, users: Indices, items: Indices) -> Array:
        """The sum, (n_pairs,)."""
        assert self.users is not None, "no dot product"
        from fivestar.models.pair_products import pair_products  # numba is slow to be imported

        total = pair_products(users, items, self.users, self.items)
        for bias, indices in ((self.user_bias, users), (self.item_bias, items)):
            if bias is not None:
                total += bias[indices]
        return total + np.float32(self.constant)

    def with_biases(self) -> tuple[Array, Array]:
        """Vectors of users and items, (n_users, k + 2) and (n_items, k + 2), of the whole sum."""
        assert self.users is not None, "no dot product"
        of_users, of_items = (
            np.zeros(len(vectors), dtype=np.float32) if bias is None else bias
            for vectors, bias in ((self.users, self.user_bias), (self.items, self.item_bias))
        )
        of_users = of_users + np.float32(self.constant)
        ones = np.ones_like(of_users), np.ones_like(of_items)
        return (
            np.column_stack([self.users, of_users, ones[0]]),
            np.column_stack([self.items, ones[1], of_items]),
        )

    def times(self, unit: float) -> Factors:
        """Factors whose sum is so many times as large."""
        if unit == 1:
            return self
        root = np.float32(np.sqrt(unit))
        return replace(
            self,
            items=self.items * root,
            users=None if self.users is None else self.users * root,
            item_bias=None if self.item_bias is None else self.item_bias * np.float32(unit),
            user_bias=None if self.user_bias is None else self.user_bias * np.float32(unit),
            constant=self.constant * unit,
        )


def low_rank(users: Array, items: Array, rank: int) -> tuple[Array, Array]:
    """Short vectors, (n_users, rank) and (n_items, rank), with about the same dot products.

    The products' leading left singular vectors are found by subspace iteration from random ones
    (Halko, Martinsson, Tropp, "Finding Structure with Randomness", 2011, algorithm 4.4); neither
    the products nor a copy of the vectors are made.
    """
    rng = np.random.default_rng(0)
    span: Array = rng.standard_normal((len(items), rank), dtype=np.float32)
    for _ in range(ITERATIONS):
        span = np.linalg.qr(span).Q
        span = items @ (users.T @ (users @ (items.T @ span)))
    span = np.linalg.qr(span).Q
    return users @ (items.T @ span), span
