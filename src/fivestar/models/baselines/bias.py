"""Global mean plus what user and item deviate from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.training import History, train_by_steps
from fivestar.ratings import Positions, observed


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


def _shrunken_mean(
    positions: Positions, values: FloatArray, n: int, regularization: float
) -> FloatArray:
    counts = np.bincount(positions, minlength=n) + regularization
    sums = np.bincount(positions, values, minlength=n)
    means: FloatArray = np.divide(sums, counts, out=np.zeros(n), where=counts > 0)
    return means
