"""What a model has learned of each user and item, as vectors and biases in one form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fivestar.ratings import Indices

Array = NDArray[np.floating]


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

    def of_pairs(self, users: Indices, items: Indices) -> Array:
        """The sum, (n_pairs,)."""
        assert self.users is not None, "no dot product"
        total: Array = np.einsum("pk,pk->p", self.users[users], self.items[items])
        for bias, indices in ((self.user_bias, users), (self.item_bias, items)):
            if bias is not None:
                total += bias[indices]
        return total + np.float32(self.constant)

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
