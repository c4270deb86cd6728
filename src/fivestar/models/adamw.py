"""Models of embeddings that AdamW learns, and how it would learn those of new users."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from scipy import sparse
from torch import Tensor

from fivestar.models.base import SHARED, FloatArray, Model
from fivestar.models.minibatch import Weights, learn_by_minibatches
from fivestar.models.training import EarlyStopping, History, Steps, Training
from fivestar.ratings import Positions, observed

STEPS = 100
"""Steps in which a new user's weights are learned; with more they hardly move."""
RATE = 0.05
"""Of the first of these steps; it falls evenly to zero."""
AT_A_TIME = 1 << 16
"""Ratings of the users that are learned from at a time: bounds the memory."""


@dataclass(kw_only=True)
class AdamWModel(Steps, Model):
    """A formula of embeddings, learned from minibatches of ratings in random order by AdamW.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019. Subclasses name their
    learned arrays, those of users by ``user_...``, and give their start (``_start``) and the
    formula (``_formula``).

    Parameters
    ----------
    batch_size
        Ratings in a minibatch.
    learning_rate
        About the change of a weight in an early update.
    averaging
        Decay of the moving average of the weights at an update; 0 keeps the last weights.
    weight_decay
        Fraction of every weight that is taken off at an update, as a multiple of the rate.
    epsilon
        Added to the size of a weight's gradients, which divides its step. Where it prevails,
        steps are as large as gradients, and so small for users and items of few ratings; near
        zero these move as far as others, and fit their few ratings too closely.
    """

    n_steps: Annotated[int, Ge(0)] = 60
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=5))
    batch_size: Annotated[int, Ge(1)] = 512
    learning_rate: Annotated[float, Gt(0)] = 0.02
    averaging: Annotated[float, Ge(0), Lt(1)] = 0.99
    weight_decay: Annotated[float, Ge(0)] = 0.1
    epsilon: Annotated[float, Gt(0)] = 3e-3

    @abstractmethod
    def _start(self, shape: tuple[int, int], generator: torch.Generator) -> Weights:
        """Make the weights before the first step, for n_users and n_items."""

    @abstractmethod
    def _formula(
        self,
        weights: Weights,
        users: Tensor,
        items: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Predictions in units, (n_pairs,); with a ``generator`` as in training, with dropout."""

    def _thinned(self, weights: Weights, generator: torch.Generator) -> Weights:
        """The weights with the zeros of one draw of dropout, the same ones for all ratings."""
        return weights

    def _fit(self, training: Training) -> History:
        generator = torch.Generator().manual_seed(self.seed)
        weights = self._start(training.ratings.shape, generator)

        def loss(users: Tensor, items: Tensor, ratings: Tensor) -> Tensor:
            return (self._formula(weights, users, items, generator) - ratings).square().mean()

        return learn_by_minibatches(
            self,
            training,
            self,
            weights,
            loss,
            self._optimizer,
            generator,
            batch_size=self.batch_size,
            averaging=self.averaging,
        )

    def _optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            weights,
            lr=self.learning_rate,
            betas=(0.9, 0.99),
            eps=self.epsilon,
            weight_decay=self.weight_decay,
            fused=True,
        )

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        with torch.no_grad():
            pairs = torch.from_numpy(users), torch.from_numpy(items)
            scores: FloatArray = self._formula(self._weights, *pairs).numpy()
        return scores

    @property
    def _weights(self) -> Weights:
        """The learned arrays, whose memory is shared."""
        own = [entry.name for entry in fields(self) if entry.metadata.get("learned")]
        return {name: torch.from_numpy(getattr(self, name)) for name in own if name not in SHARED}

    # -- new users

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Learn the users' weights, from zero, with all others frozen."""
        weights = self._weights
        for name in [name for name in weights if name.startswith("user_")]:
            weights[name] = torch.zeros(ratings.shape[0], *weights[name].shape[1:])
            setattr(self, name, weights[name].numpy())
        for block in _blocks(ratings):
            self._learn_users(weights, ratings[block], block)

    def _learn_users(self, weights: Weights, ratings: sparse.csr_array, block: slice) -> None:
        """Set the weights of some users in place.

        In training a user's weight w rests where what AdamW takes off at an update,
        w decay, is on average what it adds, -g / (s + epsilon): g is the gradient of a
        minibatch's loss, s the root of its mean square. Over N ratings in minibatches of B, a
        user whose ratings' errors have gradients a_j has E g = sum a_j / N and
        E g^2 ~ sum a_j^2 / (N B) + (E g)^2. So w is where

            sum_j a_j + N decay (s + epsilon) w = 0,

        which Adam finds, whose steps are of each weight alone: nobody's result depends on
        who else is there.
        """
        users, items, targets = map(torch.from_numpy, observed(ratings))
        own = {name: w[block].clone() for name, w in weights.items() if name.startswith("user_")}
        adam = torch.optim.Adam(own.values(), lr=RATE, betas=(0.9, 0.99))
        falling = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / STEPS)
        generator = torch.Generator().manual_seed(self.seed)
        for _ in range(STEPS):
            of_ratings = {
                name: weight.index_select(0, users).requires_grad_() for name, weight in own.items()
            }
            thinned = self._thinned({**weights, **of_ratings}, generator)
            errors = self._formula(thinned, torch.arange(len(users)), items) - targets
            gradients = torch.autograd.grad(errors.square().sum(), list(of_ratings.values()))
            for weight, gradient in zip(own.values(), gradients, strict=True):
                total, squares = (
                    torch.zeros_like(weight).index_add_(0, users, each)
                    for each in (gradient, gradient.square())
                )
                weight.grad = total + self._decay(total, squares) * weight
            adam.step()
            falling.step()
        for name, weight in own.items():
            weights[name][block] = weight

    def _decay(self, total: Tensor, squares: Tensor) -> Tensor:
        """N decay (s + epsilon), by sum_j a_j and sum_j a_j^2."""
        n_ratings = int(self.train_size[2])
        mean_square = squares / (n_ratings * self.batch_size) + (total / n_ratings).square()
        return n_ratings * self.weight_decay * (mean_square.sqrt() + self.epsilon)


def _blocks(ratings: sparse.csr_array) -> Iterator[slice]:
    """Cut the rows where so many entries are full."""
    start = 0
    while start < ratings.shape[0]:
        full = ratings.indptr[start] + AT_A_TIME
        end = max(start + 1, int(np.searchsorted(ratings.indptr, full, side="right")) - 1)
        yield slice(start, end)
        start = end
