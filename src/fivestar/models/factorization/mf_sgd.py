"""Matrix factorisation by stochastic gradient descent with momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray
from torch import Tensor

from fivestar.models.base import FloatArray
from fivestar.models.linear import FactorModel, penalties, worth_of_stopping
from fivestar.models.minibatch import (
    MinibatchModel,
    Weights,
    factors_and_biases,
    start_of_factors_and_biases,
)


@dataclass(kw_only=True)
class MFSGD(MinibatchModel, FactorModel):
    r"""Biased factorisation by minibatches: r_ui ~ mu + b_u + b_i + p_u . q_i.

    With e = prediction - rating, a minibatch B has the loss

        sum_{ui in B} [ e^2 + l (|p_u|^2 + |q_i|^2) + l_b (b_u^2 + b_i^2) ] / 2

    and moves all its weights w at once by the heavy-ball rule v = beta v + gradient,
    w = w - g v. As the loss is a sum, a rate g means about the same for batches of any size.

    Koren, Bell, Volinsky, "Matrix Factorization Techniques for Recommender Systems", IEEE
    Computer 2009, equation 5; momentum: Polyak 1964.

    Parameters
    ----------
    n_factors
        Length k of the factors.
    learning_rate, momentum
        g and beta.
    regularization, bias_regularization
        l and l_b, for each rating once.
    init_scale
        Standard deviation of the factors before the first step, sqrt(stars).

    Attributes
    ----------
    user_factors, item_factors : p (n_users, n_factors) and q (n_items, n_factors)
    user_bias, item_bias : (n_users,) and (n_items,) stars
    """

    family: ClassVar[str] = "mf_sgd"

    n_factors: Annotated[int, Ge(1)] = 80
    batch_size: Annotated[int, Ge(1)] = 512
    learning_rate: Annotated[float, Gt(0)] = 4e-3
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    regularization: Annotated[float, Ge(0)] = 0.06
    bias_regularization: Annotated[float, Ge(0)] = 0.03
    init_scale: Annotated[float, Ge(0)] = 0.01
    averaging: Annotated[float, Ge(0), Lt(1)] = 0.998

    def _start(self, shape: tuple[int, int], generator: torch.Generator) -> Weights:
        return start_of_factors_and_biases(shape, self.n_factors, self.init_scale, generator)

    def _stars(
        self,
        weights: Weights,
        users: Tensor,
        items: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return self._formula(*factors_and_biases(weights, users, items))

    def _formula(self, p: Tensor, q: Tensor, b_user: Tensor, b_item: Tensor) -> Tensor:
        return float(self.global_mean[0]) + b_user + b_item + (p * q).sum(1)

    def _loss(
        self,
        weights: Weights,
        users: Tensor,
        items: Tensor,
        ratings: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        p, q, b_user, b_item = factors_and_biases(weights, users, items)
        errors = self._formula(p, q, b_user, b_item) - ratings
        factors, biases = p.square().sum() + q.square().sum(), b_user.square() + b_item.square()
        penalty = self.regularization * factors + self.bias_regularization * biases.sum()
        return (errors.square().sum() + penalty) / 2

    def _optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.SGD(weights, lr=self.learning_rate, momentum=self.momentum)

    def _penalty_of(self, counts: NDArray[np.integer]) -> FloatArray:
        """That of each rating, and what it is worth that training stops early."""
        penalty = penalties(counts, self.n_factors, self.regularization, self.bias_regularization)
        rate = self.learning_rate / (1 - self.momentum)
        return penalty + worth_of_stopping(rate, int(self.steps_taken[0]))
