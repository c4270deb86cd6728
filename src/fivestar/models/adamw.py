"""Models of embeddings that AdamW learns, and how it would learn those of new users."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt
from scipy import sparse
from torch import Generator, Tensor
from torch.nn.functional import mse_loss

from fivestar.models.base import FloatArray, Model
from fivestar.models.minibatch import Minibatches, Network, roots_of
from fivestar.models.neural.layers import Dropout
from fivestar.models.training import History, Training
from fivestar.ratings import Indices, observed

STEPS = 100
"""Steps in which a new user's weights are learned; with more they hardly move."""
RATE = 0.05
"""Of the first of these steps; it falls evenly to zero."""
AT_A_TIME = 1 << 16
"""Ratings of the users that are learned from at a time: bounds the memory."""


@dataclass(kw_only=True)
class AdamWModel(Minibatches, Model):
    """A formula of embeddings and biases whose (weighted) mean squared error AdamW minimises.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.

    Parameters
    ----------
    learning_rate
        About the change of a weight in an early update.
    weight_decay
        Fraction of every weight that is taken off at an update, as a multiple of the rate.
    epsilon
        Added to the size of a weight's gradients, which divides its step. Where it prevails,
        steps are as large as gradients, and so small for users and items of few ratings; near
        zero these move as far as others, and fit their few ratings too closely.
    """

    uses_weights: ClassVar[bool] = True

    weight_decay: Annotated[float, Ge(0)] = 0.1
    epsilon: Annotated[float, Gt(0)] = 3e-3

    @abstractmethod
    def _start(self, shape: tuple[int, int], generator: Generator) -> Network:
        """The network for n_users and n_items before the first step.

        Weights of users are called ``user_...`` and those of items ``item_...``.
        """

    @abstractmethod
    def _formula(self, of: dict[str, Tensor], network: Network) -> Tensor:
        """Predictions in units, (n_pairs,), by the weights of the pairs' users and items."""

    def _fit(self, training: Training) -> History:
        generator = Generator().manual_seed(self.seed)
        network = self._start(training.ratings.shape, generator)
        adamw = torch.optim.AdamW(
            network.parameters(),
            self.learning_rate,
            betas=(0.9, 0.99),
            eps=self.epsilon,
            weight_decay=self.weight_decay,
            fused=True,
        )
        users, items, ratings = map(torch.from_numpy, observed(training.ratings))

        roots = roots_of(training.weights)

        def loss(some: Tensor) -> Tensor:
            of = network.of_pairs(users[some], items[some])
            told, given = self._formula(of, network), ratings[some]
            if roots is None:
                return mse_loss(told, given)
            return mse_loss(roots[some] * told, roots[some] * given)

        return self._learn(network, adamw, loss, len(ratings), training, generator)

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        network = self._network()
        with torch.no_grad():
            of = network.of_pairs(torch.from_numpy(users), torch.from_numpy(items))
            scores: FloatArray = self._formula(of, network).numpy()
        return scores

    def _network(self, generator: Generator | None = None) -> Network:
        """What was learned; the generator is for dropout."""
        return self._start((0, 0), generator or Generator()).shared_by(self)

    # -- new users

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Learn the users' weights, from zero, with all others frozen."""
        ends = np.flatnonzero(np.diff(ratings.indptr // AT_A_TIME)) + 1
        cuts = pairwise(np.unique([0, *ends, ratings.shape[0]]))
        blocks = [self._learn_users(ratings[start:end]) for start, end in cuts]
        for name in blocks[0]:
            setattr(self, name, torch.cat([block[name] for block in blocks]).numpy())

    def _learn_users(self, ratings: sparse.csr_array) -> dict[str, Tensor]:
        """The weights of users.

        In training a user's weight w rests where what AdamW takes off at an update,
        w decay, is on average what it adds, -g / (s + epsilon): g is the gradient of a
        minibatch's loss, s the root of its mean square. Over N ratings in minibatches of B, a
        user whose ratings' errors have gradients a_j has E g = sum a_j / N and
        E g^2 ~ sum a_j^2 / (N B) + (E g)^2. So w is where

            sum_j a_j + N decay (s + epsilon) w = 0,

        which Adam finds, whose steps are of each weight alone: nobody's result depends on
        who else is there, as long as dropout is alike for all ratings.
        """
        network = self._network(Generator().manual_seed(self.seed))
        for layer in network.layers.modules():
            if isinstance(layer, Dropout):
                layer.training = layer.alike = True
        users, items, targets = map(torch.from_numpy, observed(ratings))
        of = network.of_pairs(torch.zeros_like(users), items)
        n_users, names = ratings.shape[0], [name for name in of if name.startswith("user_")]
        own = {name: torch.zeros(n_users, *of[name].shape[1:]) for name in names}
        adam = torch.optim.Adam(own.values(), lr=RATE, betas=(0.9, 0.99))
        falling = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / STEPS)
        for _ in range(STEPS):
            rows = {name: own[name].index_select(0, users).requires_grad_() for name in own}
            errors = self._formula({**of, **rows}, network) - targets
            gradients = torch.autograd.grad(errors.square().sum(), list(rows.values()))
            for weight, gradient in zip(own.values(), gradients, strict=True):
                total, squares = (
                    torch.zeros_like(weight).index_add_(0, users, each)
                    for each in (gradient, gradient.square())
                )
                weight.grad = total + self._decay(total, squares) * weight
            adam.step()
            falling.step()
        return own

    def _decay(self, total: Tensor, squares: Tensor) -> Tensor:
        """N decay (s + epsilon), by sum_j a_j and sum_j a_j^2."""
        n_ratings = int(self.train_size[2])
        mean_square = squares / (n_ratings * self.batch_size) + (total / n_ratings).square()
        return n_ratings * self.weight_decay * (mean_square.sqrt() + self.epsilon)
