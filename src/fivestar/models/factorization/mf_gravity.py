"""Matrix factorisation whose predictions for unobserved pairs are pulled towards the biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from fivestar.models.base import FloatArray
from fivestar.models.factorization.full_batch import FullBatch, Weights


@dataclass(kw_only=True)
class MFGravity(FullBatch):
    r"""Regularised factorisation with gravity: r_ui ~ mu + b_u + b_i + a_u . f_i.

    Minimises, for n users, m items and N observed ratings,

        1/N sum_ui (r_ui - prediction)^2
            + l (1/n sum_u |a_u|^2 + 1/m sum_i |f_i|^2) + l_b/N (sum_u b_u^2 + sum_i b_i^2)
            + g/(n m) sum_{all u, i} (a_u . f_i)^2

    The last term, gravity, runs over all pairs, rated or not: it keeps the products of pairs
    that nobody rated from folding into where the rated ones are. It never forms the n x m
    products, for sum (a_u . f_i)^2 = trace(A'A F'F) with A (n, k) and F (m, k): two k x k
    Gram matrices.

    Google's course on recommendation systems, "Matrix factorization" and its notebook
    (developers.google.com/machine-learning/recommendation), which has no biases.

    Parameters
    ----------
    regularization
        l, stars^2 for a mean squared factor of 1 star: scaled by the number of users and items.
    gravity
        g: 1 counts a product of a star at all pairs like an error of a star at all ratings.
    bias_regularization
        l_b: number of ratings equal to the mean added to each user and item.
    """

    family: ClassVar[str] = "mf_gravity"

    init_scale: Annotated[float, Ge(0)] = 0.05
    regularization: Annotated[float, Ge(0)] = 0.22
    gravity: Annotated[float, Ge(0)] = 0.03
    bias_regularization: Annotated[float, Ge(0)] = 2.7

    def _strengths(self, train: sparse.csr_array) -> dict[str, Tensor | float]:
        n_users, n_items = train.shape
        return {
            "user_factors": self.regularization * train.nnz / n_users,
            "item_factors": self.regularization * train.nnz / n_items,
            "user_bias": self.bias_regularization,
            "item_bias": self.bias_regularization,
            "gravity": self.gravity * train.nnz / (n_users * n_items),
        }

    def _penalty(self, weights: Weights, strengths: dict[str, Tensor | float]) -> Tensor:
        pull = sum_of_squared_products(weights["user_factors"], weights["item_factors"])
        return super()._penalty(weights, strengths) + strengths["gravity"] * pull

    def _strengths_of_people(self, counts: NDArray[np.integer]) -> tuple[float, float]:
        n_users, _, n_ratings = self.train_size
        return self.regularization * n_ratings / n_users, self.bias_regularization

    @property
    def _gram(self) -> FloatArray:
        """Gravity pulls a person's products with all items."""
        n_users, n_items, n_ratings = self.train_size
        strength = self.gravity * n_ratings / (n_users * n_items)
        return np.pad(strength * (self.item_factors.T @ self.item_factors), (0, 1))


def sum_of_squared_products(left: Tensor, right: Tensor) -> Tensor:
    """Sum of (left_u . right_i)^2 over all u and i; memory is that of two k x k matrices."""
    return ((left.T @ left) * (right.T @ right)).sum()
