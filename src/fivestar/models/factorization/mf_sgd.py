"""Matrix factorisation by stochastic gradient descent with momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray
from scipy import sparse
from torch import Generator, Tensor

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.factors import Factors
from fivestar.models.minibatch import FactorsAndBiases, Minibatches, Network, roots_of
from fivestar.models.solver import UserRegression, penalties, with_ones, worth_of_stopping
from fivestar.models.training import History, Training
from fivestar.ratings import observed


@dataclass(kw_only=True)
class MFSGD(Minibatches, FactorsAndBiases, Model):
    r"""Biased factorisation by minibatches: r_ui ~ mu + b_u + b_i + p_u . q_i.

    With e = prediction - rating, a minibatch B has the loss

        sum_{ui in B} [ e^2 + l (|p_u|^2 + |q_i|^2) + l_b (b_u^2 + b_i^2) ] / 2

    (the e^2 weighted by the sample weights) and moves all its weights w at once by the
    heavy-ball rule v = beta v + gradient, w = w - g v. As the loss is a sum, a rate g means
    about the same for batches of any size.

    Koren, Bell, Volinsky, "Matrix Factorization Techniques for Recommender Systems", IEEE
    Computer 2009, equation 5; momentum: Polyak 1964.

    Parameters
    ----------
    learning_rate, momentum
        g and beta.
    regularization, bias_regularization
        l and l_b, for each rating once.

    Attributes
    ----------
    steps_taken : (1,) steps that lie behind the weights
    """

    family: ClassVar[str] = "mf_sgd"
    uses_weights: ClassVar[bool] = True

    learning_rate: Annotated[float, Gt(0)] = 4e-3
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    regularization: Annotated[float, Ge(0)] = 0.06
    bias_regularization: Annotated[float, Ge(0)] = 0.03
    averaging: Annotated[float, Ge(0), Lt(1)] = 0.998

    steps_taken: NDArray[np.int64] = learned(parameter=False)

    def _fit(self, training: Training) -> History:
        generator = Generator().manual_seed(self.seed)
        network = Network(self.start(training.ratings.shape, generator))
        sgd = torch.optim.SGD(network.parameters(), self.learning_rate, self.momentum)
        users, items, ratings = map(torch.from_numpy, observed(training.ratings))
        mean, roots = float(self.mean[0]), roots_of(training.weights)

        def loss(some: Tensor) -> Tensor:
            of = network.of_pairs(users[some], items[some])
            p, q = of["user_factors"], of["item_factors"]
            b_user, b_item = of["user_bias"], of["item_bias"]
            errors = mean + b_user + b_item + (p * q).sum(1) - ratings[some]
            errors = errors if roots is None else errors * roots[some]
            factors, biases = p.square().sum() + q.square().sum(), b_user.square() + b_item.square()
            penalty = self.regularization * factors + self.bias_regularization * biases.sum()
            return (errors.square().sum() + penalty) / 2

        history = self._learn(network, sgd, loss, len(ratings), training, generator)
        self.steps_taken = np.array([history.best_step])
        return history

    def _factors(self) -> Factors:
        return self.dot_product(self.mean[0])

    def _regression(self, ratings: sparse.csr_array) -> UserRegression:
        """With the penalty of each rating, and what it is worth that training stops early."""
        strengths = self.regularization, self.bias_regularization
        penalty = penalties(np.diff(ratings.indptr), self.n_factors, *strengths)
        rate = self.learning_rate / (1 - self.momentum)
        penalty += worth_of_stopping(rate, int(self.steps_taken[0]))
        base = self.mean[0] + self.item_bias
        return UserRegression(ratings, base, with_ones(self.item_factors), penalty)

    def _users_regression(self, ratings: sparse.csr_array) -> UserRegression | None:
        return self._regression(ratings)

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_factors, self.user_bias = self._regression(ratings).factors_and_bias()

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        return self._regression(user).contributions(item)
