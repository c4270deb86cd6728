"""Matrix factorisation whose predictions for unobserved pairs are pulled towards the biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from fivestar.models.factorization.full_batch import FullBatch, Objective


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
        l, units^2 for a mean squared factor of 1: scaled by the number of users and items.
    gravity
        g: 1 counts a product of a unit at all pairs like an error of a unit at all ratings.
    bias_regularization
        l_b: number of ratings equal to the mean added to each user and item.
    """

    family: ClassVar[str] = "mf_gravity"

    init_scale: Annotated[float, Ge(0)] = 0.05
    regularization: Annotated[float, Ge(0)] = 0.22
    gravity: Annotated[float, Ge(0)] = 0.03
    bias_regularization: Annotated[float, Ge(0)] = 2.7

    def _objective(self) -> Objective:
        n_ratings, n_users, n_items = self.learned_from
        return Objective(
            of_users=lambda counts: self.regularization * n_ratings / n_users,
            of_items=lambda counts: self.regularization * n_ratings / n_items,
            of_biases=self.bias_regularization,
            gravity=float(self.gravity * n_ratings / (n_users * n_items)),
        )
