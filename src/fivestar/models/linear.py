"""Models that are linear in a person's ratings once the items are given.

What they predict for a person can be told rating by rating, and most find a new person's part
by a ridge regression.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import with_values
from fivestar.models.factors import Factors, bias_or_none
from fivestar.models.solvers.ridge import PeopleRegression
from fivestar.ratings import Positions, observed


@dataclass(kw_only=True)
class LinearModel(Model):
    """A prediction that is the item's part plus a weighted sum of what the ratings lie above it.

    With g_i what the item's part says (mu + b_i, for instance), a person with ratings r_j is
    predicted g_i + sum_j a_ij (r_j - g_j); the influences a_ij depend on which items were
    rated and not on how.
    """

    item_bias: FloatArray = learned()

    def _contributions(self, person: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        base = float(self._item_part(np.array([item]))[0])
        return base, self._parts(person, item) if person.nnz else np.zeros(0)

    def _item_part(self, items: Positions) -> FloatArray:
        """Stars of an item for a person of whom nothing is known."""
        stars: FloatArray = self.mean[0] + self.item_bias[items]
        return stars

    def _parts(self, person: sparse.csr_array, item: int) -> FloatArray:
        """What each rating adds to the prediction of an item, (n_ratings,) stars.

        ``person`` is one row of ratings.
        """
        parts: FloatArray = self._influence(person, item) * (
            person.data - self._item_part(person.indices.astype(np.intp))
        )
        return parts

    @abstractmethod
    def _influence(self, person: sparse.csr_array, item: int) -> FloatArray:
        """By how much the prediction of an item grows with each star, (n_ratings,)."""


@dataclass(kw_only=True)
class FactorModel(LinearModel):
    r"""r_ui ~ g_i + b_u + x_u . y_i, where users are ridge regressions on the items.

    With n ratings, D of the rows (y_j, 1) and e of r_j - g_j for the items j that a person
    rated, (x, b) = (D'D + diag(l))^-1 D'e; the model says what the penalty l is.

    Attributes
    ----------
    user_factors, item_factors : (n_users, n_factors) and (n_items, n_factors) sqrt(stars)
    user_bias, item_bias : (n_users,) and (n_items,) stars
    """

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        stars = self._item_part(items) + self.user_bias[users]
        stars += np.einsum("pk,pk->p", self.user_factors[users], self.item_factors[items])
        return stars

    def _factors(self) -> Factors:
        return Factors(
            items=self.item_factors,
            users=self.user_factors,
            item_bias=bias_or_none(self.item_bias),
            user_bias=bias_or_none(self.user_bias),
            constant=float(self.mean[0]),
            exact=True,
        )

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self._set_people(self._regression(ratings).solve(), ratings)

    def _influence(self, person: sparse.csr_array, item: int) -> FloatArray:
        return self._regression(person).influence(item)

    def _regression(self, ratings: sparse.csr_array) -> PeopleRegression:
        _, items, stars = observed(ratings)
        return PeopleRegression(
            with_values(ratings, stars - self._item_part(items)),
            self._design,
            self._penalty_of_people(np.diff(ratings.indptr)),
        )

    def _set_people(self, solution: FloatArray, ratings: sparse.csr_array) -> None:
        """Set the arrays of users from their unknowns, (n_people, size)."""
        self.user_factors, self.user_bias = solution[:, :-1].copy(), solution[:, -1].copy()

    @property
    def _design(self) -> FloatArray:
        """D of all items, (n_items, size)."""
        return with_ones(self.item_factors)

    def _penalty_of_people(self, counts: NDArray[np.integer]) -> FloatArray:
        """The same of new people; as in training, unless that would trust few ratings too far."""
        return self._penalty_of(counts)

    @abstractmethod
    def _penalty_of(self, counts: NDArray[np.integer]) -> FloatArray:
        """L2 penalty of (x, b) of people with so many ratings, (n_people, n_factors + 1)."""


def penalties(
    strengths: FloatArray | NDArray[np.integer], n_factors: int, of_factors: float, of_bias: float
) -> FloatArray:
    """Each row's strength times the penalties of factors and bias, (n_rows, n_factors + 1)."""
    rows: FloatArray = np.outer(strengths, [of_factors] * n_factors + [of_bias])
    return rows


def worth_of_stopping(rate: float, n_steps: int) -> float:
    """The L2 penalty that gradient descent from zero on e^2 / 2 amounts to if stopped.

    The inverse of the rate times the number of times it was used: Ali, Kolter, Tibshirani, "A
    Continuous-Time View of Early Stopping for Least Squares Regression", AISTATS 2019.
    """
    return 1 / (rate * max(n_steps, 1))


def with_ones(factors: FloatArray) -> FloatArray:
    """What the other side is regressed on: factors, and a one for its bias."""
    return np.pad(factors, ((0, 0), (0, 1)), constant_values=1)
