"""Models of embeddings that AdamW learns, and how it would learn those of new people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt
from scipy import sparse
from torch import Tensor

from fivestar.models.minibatch import MinibatchModel, Weights
from fivestar.ratings import observed

STEPS = 100
"""Steps in which a new person's weights are learned; with more they hardly move."""
RATE = 0.05
"""Of the first of these steps; it falls evenly to zero."""
AT_A_TIME = 1 << 16
"""Ratings of the people that are learned from at a time: bounds the memory."""


@dataclass(kw_only=True)
class AdamWModel(MinibatchModel):
    """Learned by AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).

    Parameters
    ----------
    learning_rate
        About the change of a weight in an early update.
    weight_decay
        Share of every weight that is taken off at an update, as a multiple of the rate.
    epsilon
        Added to the size of a weight's gradients, which divides its step. Where it prevails,
        steps are as large as gradients, and so small for users and items of few ratings; near
        zero these move as far as others, and fit their few ratings too closely.
    """

    weight_decay: Annotated[float, Ge(0)] = 0.1
    epsilon: Annotated[float, Gt(0)] = 3e-3

    def _optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            weights,
            lr=self.learning_rate,
            betas=(0.9, 0.99),
            eps=self.epsilon,
            weight_decay=self.weight_decay,
            fused=True,
        )

    # -- new people

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Learn the people's weights, from zero, with all others frozen."""
        weights = self._weights
        for name in [name for name in weights if name.startswith("user_")]:
            weights[name] = torch.zeros(ratings.shape[0], *weights[name].shape[1:])
            setattr(self, name, weights[name].numpy())
        for people in _blocks(ratings):
            self._learn_people(weights, ratings[people], people)

    def _learn_people(self, weights: Weights, ratings: sparse.csr_array, people: slice) -> None:
        """Set the weights of some people in place.

        In training a person's weight w rests where what AdamW takes off at an update,
        w decay, is on average what it adds, -g / (s + epsilon): g is the gradient of a
        minibatch's loss, s the root of its mean square. Over N ratings in minibatches of B, a
        person whose ratings' errors have gradients a_j has E g = sum a_j / N and
        E g^2 ~ sum a_j^2 / (N B) + (E g)^2. So w is where

            sum_j a_j + N decay (s + epsilon) w = 0,

        which Adam finds, whose steps are of each weight alone: nobody's result depends on
        who else is there.
        """
        users, items, stars = map(torch.from_numpy, observed(ratings))
        own = {name: w[people].clone() for name, w in weights.items() if name.startswith("user_")}
        adam = torch.optim.Adam(own.values(), lr=RATE, betas=(0.9, 0.99))
        falling = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / STEPS)
        generator = torch.Generator().manual_seed(self.seed)
        for _ in range(STEPS):
            of_ratings = {
                name: weight.index_select(0, users).requires_grad_() for name, weight in own.items()
            }
            thinned = self._thinned({**weights, **of_ratings}, generator)
            errors = self._stars(thinned, torch.arange(len(users)), items) - stars
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
            weights[name][people] = weight

    def _decay(self, total: Tensor, squares: Tensor) -> Tensor:
        """N decay (s + epsilon), by sum_j a_j and sum_j a_j^2."""
        n_ratings = int(self.train_size[2])
        mean_square = squares / (n_ratings * self.batch_size) + (total / n_ratings).square()
        return n_ratings * self.weight_decay * (mean_square.sqrt() + self.epsilon)

    def _thinned(self, weights: Weights, generator: torch.Generator) -> Weights:
        """The weights with the zeros of dropout, the same ones for all ratings."""
        return weights


def _blocks(ratings: sparse.csr_array) -> Iterator[slice]:
    """Cut the rows where so many entries are full."""
    start = 0
    while start < ratings.shape[0]:
        full = ratings.indptr[start] + AT_A_TIME
        end = max(start + 1, int(np.searchsorted(ratings.indptr, full, side="right")) - 1)
        yield slice(start, end)
        start = end
