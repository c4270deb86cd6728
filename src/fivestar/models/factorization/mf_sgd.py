"""Matrix factorisation by stochastic gradient descent with momentum."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray
from torch import Tensor

from fivestar.models.base import FloatArray, learned
from fivestar.models.linear import FactorModel, penalties, worth_of_stopping
from fivestar.models.minibatch import (
    factors_and_biases,
    learn_by_minibatches,
    start_of_factors_and_biases,
)
from fivestar.models.training import EarlyStopping, History, Steps, Training


@dataclass(kw_only=True)
class MFSGD(Steps, FactorModel):
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
    batch_size
        Ratings in a minibatch.
    learning_rate, momentum
        g and beta.
    regularization, bias_regularization
        l and l_b, for each rating once.
    init_scale
        Standard deviation of the factors before the first step, sqrt(units).
    averaging
        Decay of the moving average of the weights at an update; 0 keeps the last weights.

    Attributes
    ----------
    user_factors, item_factors : p (n_users, n_factors) and q (n_items, n_factors)
    user_bias, item_bias : (n_users,) and (n_items,) units
    steps_taken : (1,) steps that lie behind the weights
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
    n_steps: Annotated[int, Ge(0)] = 60
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=5))

    steps_taken: NDArray[np.int64] = learned(parameter=False)

    def _fit(self, training: Training) -> History:
        generator = torch.Generator().manual_seed(self.seed)
        weights = start_of_factors_and_biases(
            training.ratings.shape, self.n_factors, self.init_scale, generator
        )
        mean = float(self.mean[0])

        def loss(users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
            p, q, b_user, b_item = factors_and_biases(weights, users, items)
            errors = mean + b_user + b_item + (p * q).sum(1) - ratings
            factors, biases = p.square().sum() + q.square().sum(), b_user.square() + b_item.square()
            penalty = self.regularization * factors + self.bias_regularization * biases.sum()
            return (errors.square().sum() + penalty) / 2

        history = learn_by_minibatches(
            self,
            training,
            self,
            weights,
            loss,
            lambda moved: torch.optim.SGD(moved, lr=self.learning_rate, momentum=self.momentum),
            generator,
            batch_size=self.batch_size,
            averaging=self.averaging,
        )
        self.steps_taken = np.array([history.best_step])
        return history

    def _penalty_of(self, counts: NDArray[np.integer]) -> FloatArray:
        """That of each rating, and what it is worth that training stops early."""
        penalty = penalties(counts, self.n_factors, self.regularization, self.bias_regularization)
        rate = self.learning_rate / (1 - self.momentum)
        return penalty + worth_of_stopping(rate, int(self.steps_taken[0]))
