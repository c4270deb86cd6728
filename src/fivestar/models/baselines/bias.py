"""Global mean plus what user and item deviate from it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from scipy import sparse

from fivestar.models.base import FloatArray, learned
from fivestar.models.linear import LinearModel, with_values
from fivestar.models.training import History, train_by_steps
from fivestar.ratings import Positions, observed


@dataclass(kw_only=True)
class Bias(LinearModel):
    r"""Regularised biases: r_ui ~ mu + b_u + b_i.

    Minimises sum_ui (r_ui - mu - b_u - b_i)^2 + l_u sum_u b_u^2 + l_i sum_i b_i^2 by turns:
    with the items' biases fixed, b_u = sum_i (r_ui - mu - b_i) / (l_u + n_u), and likewise
    for the items. (Koren, "Factor in the Neighbors", 2010, section 2.1.)

    Parameters
    ----------
    user_regularization, item_regularization
        Number of ratings equal to the mean that are added to each user and each item.
    n_steps
        Turns; a handful converges.

    Attributes
    ----------
    user_bias : (n_users,) stars
    item_bias : (n_items,) stars
    """

    family: ClassVar[str] = "bias"

    user_regularization: Annotated[float, Ge(0)] = 5.0
    item_regularization: Annotated[float, Ge(0)] = 3.0
    n_steps: Annotated[int, Ge(1)] = 15

    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()

    def _fit(
        self, train: sparse.csr_array, validation: sparse.csr_array | None, label: str
    ) -> History:
        users, items, ratings = observed(train)
        deviations = ratings - self.global_mean
        n_users, n_items = train.shape
        self.user_bias = np.zeros(n_users, dtype=np.float32)
        self.item_bias = np.zeros(n_items, dtype=np.float32)

        def turn() -> None:
            rest = deviations - self.user_bias[users]
            self.item_bias[:] = _shrunken_mean(items, rest, n_items, self.item_regularization)
            rest = deviations - self.item_bias[items]
            self.user_bias[:] = _shrunken_mean(users, rest, n_users, self.user_regularization)

        return train_by_steps(
            turn,
            self.curve(train, validation),
            [self.user_bias, self.item_bias],
            n_steps=self.n_steps,
            label=label,
        )

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        return self.global_mean + self.user_bias[users] + self.item_bias[items]

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        item_part = self.global_mean + self.item_bias
        self.user_bias = user_biases(ratings, item_part, self.user_regularization)

    def _influence(self, person: sparse.csr_array, item: int) -> FloatArray:
        return np.full(person.nnz, 1 / (self.user_regularization + person.nnz))


@dataclass(kw_only=True)
class BiasFirst(LinearModel):
    """A model of the residuals that the bias model leaves, r - mu - b_u - b_i.

    It predicts their weighted sum sum_j a_ij (r_j - mu - b_u - b_j) beside mu + b_u + b_i.
    """

    user_bias: FloatArray = learned()

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        users, items, stars = observed(ratings)
        item_part = self.global_mean + self.item_bias
        self.user_bias = user_biases(ratings, item_part, self._bias_regularization)
        residuals = stars - item_part[items] - self.user_bias[users]
        self._fold_in_residuals(with_values(ratings, residuals))

    def _influence(self, person: sparse.csr_array, item: int) -> FloatArray:
        # b_u is a sum over the ratings too, and is taken from each residual.
        of_bias = 1 / (self._bias_regularization + person.nnz)
        of_residuals = self._influence_of_residuals(person, item)
        influence: FloatArray = of_residuals + of_bias * (1 - of_residuals.sum())
        return influence

    @property
    def _bias_regularization(self) -> float:
        return Bias().user_regularization

    @abstractmethod
    def _fold_in_residuals(self, residuals: sparse.csr_array) -> None:
        """Set all arrays of users but the biases, from residuals, people x items."""

    @abstractmethod
    def _influence_of_residuals(self, person: sparse.csr_array, item: int) -> FloatArray:
        """What a star more of each residual adds to the prediction of an item, (n_ratings,)."""


def user_biases(
    ratings: sparse.csr_array, item_part: FloatArray, regularization: float
) -> FloatArray:
    """The users' biases, (n_users,), given mu + b_i, (n_items,)."""
    users, items, stars = observed(ratings)
    above = stars - item_part[items]
    return _shrunken_mean(users, above, ratings.shape[0], regularization).astype(np.float32)


def _shrunken_mean(
    positions: Positions, values: FloatArray, n: int, regularization: float
) -> FloatArray:
    counts = np.bincount(positions, minlength=n) + regularization
    sums = np.bincount(positions, values, minlength=n)
    means: FloatArray = np.divide(sums, counts, out=np.zeros(n), where=counts > 0)
    return means
