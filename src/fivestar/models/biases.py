"""Regularised biases: the one place for mu + b_u + b_i."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.solver import RowSolver
from fivestar.ratings import Indices, observed, with_values

FloatArray = NDArray[np.floating]
Weights = NDArray[np.float64] | None
"""How much each rating counts, (n_ratings,); None: each as one."""

USER_REGULARIZATION = 5.0
ITEM_REGULARIZATION = 3.0
N_TURNS = 15


@dataclass(frozen=True)
class Biases:
    """Ratings as mu + b_u + b_i.

    Attributes
    ----------
    mean : mu
    users, items : b_u (n_users,) and b_i (n_items,), float32
    user_regularization, item_regularization
        Number of ratings equal to the mean that are added to each user and each item.
    """

    mean: np.float32
    users: FloatArray
    items: FloatArray
    user_regularization: float = USER_REGULARIZATION
    item_regularization: float = ITEM_REGULARIZATION

    @classmethod
    def zero(cls, mean: np.float32, shape: tuple[int, int], *regularizations: float) -> Biases:
        users, items = (np.zeros(n, dtype=np.float32) for n in shape)
        return cls(mean, users, items, *regularizations)

    @classmethod
    def of(
        cls,
        ratings: sparse.csr_array,
        mean: np.float32,
        *regularizations: float,
        weights: Weights = None,
    ) -> Biases:
        """Found from ratings, users x items."""
        biases = cls.zero(mean, ratings.shape, *regularizations)
        turn = biases.turn_on(ratings, weights)
        for _ in range(N_TURNS):
            turn()
        return biases

    def turn_on(self, ratings: sparse.csr_array, weights: Weights = None) -> Callable[[], None]:
        """A step towards the least penalised squares: solves items, then users, in place."""
        weighted = None if weights is None else with_values(ratings, weights)
        by_item = ratings.T.tocsr()
        sides = [
            (RowSolver(side), side.data, None if each is None else each.data, *of_side)
            for side, each, *of_side in (
                (
                    by_item,
                    None if weighted is None else weighted.T.tocsr(),
                    *(self.items, self.users, self.item_regularization),
                ),
                (ratings, weighted, self.users, self.items, self.user_regularization),
            )
        ]

        def turn() -> None:
            for solver, values, weight, own, other, regularization in sides:
                own[:] = solver.solve(
                    values,
                    np.zeros((len(other), 0)),  # a bias is all that there is
                    ones=True,
                    offsets=self.mean + other,
                    weights=weight,
                    penalty=np.array([[regularization]]),
                )[:, 0]

        return turn

    def turn(
        self, users: Indices, items: Indices, above: FloatArray, weights: Weights = None
    ) -> None:
        """The step given how far each rating lies above the mean."""
        penalties = self.item_regularization, self.user_regularization
        rest = above - self.users[users]
        self.items[:] = shrunken_means(items, rest, len(self.items), penalties[0], weights)
        rest = above - self.items[items]
        self.users[:] = shrunken_means(users, rest, len(self.users), penalties[1], weights)

    def __call__(self, users: Indices, items: Indices) -> FloatArray:
        """Mu + b_u + b_i of pairs."""
        values: FloatArray = self.mean + self.users[users] + self.items[items]
        return values

    def residuals(self, ratings: sparse.csr_array) -> sparse.csr_array:
        """The ratings less mu + b_u + b_i."""
        users, items, values = observed(ratings)
        return with_values(ratings, values - self(users, items))

    def fold_in(self, ratings: sparse.csr_array) -> Biases:
        """Biases of other users, with those of the items as they are."""
        users, items, values = observed(ratings)
        above = values - (self.mean + self.items)[items]
        found = shrunken_means(users, above, ratings.shape[0], self.user_regularization)
        return replace(self, users=found.astype(np.float32))

    def contributions(
        self, user: sparse.csr_array, item: int, of_residuals: FloatArray | None = None
    ) -> tuple[float, FloatArray]:
        """What a user without ratings is predicted, and what each of a user's ratings adds.

        ``of_residuals`` is by how much the prediction grows with each residual beside the
        biases, if there is anything beside them.
        """
        base = self.mean + self.items
        # b_u is a sum over the ratings too, and is taken from each residual.
        influence = np.full(user.nnz, 1 / (self.user_regularization + max(user.nnz, 1)))
        if of_residuals is not None:
            influence = of_residuals + influence * (1 - of_residuals.sum())
        return float(base[item]), influence * (user.data - base[user.indices])


def shrunken_means(
    indices: Indices, values: FloatArray, n: int, regularization: float, weights: Weights = None
) -> FloatArray:
    """Mean of the values at each of n indices, with so many zeros added; 0 where there is none."""
    counts = np.bincount(indices, weights, minlength=n) + regularization
    sums = np.bincount(indices, values if weights is None else weights * values, minlength=n)
    means: FloatArray = np.divide(sums, counts, out=np.zeros(n), where=counts > 0)
    return means
