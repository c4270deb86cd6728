"""Global mean plus what user and item deviate from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import ITEM_REGULARIZATION, N_TURNS, USER_REGULARIZATION, Biases
from fivestar.models.factors import Factors
from fivestar.models.training import History, Steps, Training
from fivestar.ratings import Indices


@dataclass(kw_only=True)
class Bias(Model):
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
    user_bias, item_bias : (n_users,) and (n_items,) units
    """

    family: ClassVar[str] = "bias"
    uses_weights: ClassVar[bool] = True

    bias_fallback: bool = False
    user_regularization: Annotated[float, Ge(0)] = USER_REGULARIZATION
    item_regularization: Annotated[float, Ge(0)] = ITEM_REGULARIZATION
    n_steps: Annotated[int, Ge(1)] = N_TURNS

    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()

    def _fit(self, training: Training) -> History:
        strengths = self.user_regularization, self.item_regularization
        biases = Biases.zero(self.mean[0], training.ratings.shape, *strengths)
        self.user_bias, self.item_bias = biases.users, biases.items
        return training.run(
            biases.turn_on(training.ratings, training.weights),
            [self.user_bias, self.item_bias],
            Steps(n_steps=self.n_steps, stopping=None),
        )

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        return self._biases(users, items)

    def _ranking_factors(self) -> Factors:
        return Factors.of_biases(self.mean[0], self.user_bias, self.item_bias)

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_bias = self._biases.fold_in(ratings).users

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        return self._biases.contributions(user, item)

    @property
    def _biases(self) -> Biases:
        strengths = self.user_regularization, self.item_regularization
        return Biases(self.mean[0], self.user_bias, self.item_bias, *strengths)
