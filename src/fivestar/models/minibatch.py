"""Models of embeddings that torch learns from small batches of ratings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from scipy import sparse
from torch import Tensor

from fivestar.models.base import FloatArray, Model
from fivestar.models.stepped import SteppedModel
from fivestar.models.training import EarlyStopping, History
from fivestar.ratings import Positions, observed

Weights = dict[str, Tensor]
"""The learned arrays by name, as torch sees them."""
BUFFERS = frozenset({"statistics"})
"""Weights that are not moved by gradients."""


@dataclass(kw_only=True)
class MinibatchModel(SteppedModel):
    """A formula of embeddings, learned from minibatches of ratings in random order.

    Subclasses name their learned arrays, and give their start (``_start``) and the formula
    (``_stars``). A step goes once through all ratings. The weights kept are an exponential
    moving average over the optimizer's updates (Polyak and Juditsky 1992); it takes the place
    of a falling learning rate and, unlike that, does not depend on ``n_steps``.

    Parameters
    ----------
    batch_size
        Ratings in a minibatch.
    learning_rate
        Of the optimizer.
    averaging
        Decay of the moving average at an update; 0 keeps the last weights.
    """

    n_steps: Annotated[int, Ge(1)] = 60
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=5))
    batch_size: Annotated[int, Ge(1)] = 512
    learning_rate: Annotated[float, Gt(0)] = 5e-3
    averaging: Annotated[float, Ge(0), Lt(1)] = 0.99

    def _fit(
        self, train: sparse.csr_array, validation: sparse.csr_array | None, label: str
    ) -> History:
        generator = torch.Generator().manual_seed(self.seed)
        weights = self._start(train.shape, generator)
        average = keep_average(self, weights, self.averaging)
        optimizer = self._optimizer([w for w in weights.values() if w.requires_grad])
        ratings = [torch.from_numpy(column) for column in observed(train)]

        def step() -> None:
            order = torch.randperm(train.nnz, generator=generator)
            shuffled = [torch.split(column[order], self.batch_size) for column in ratings]
            for users, items, stars in zip(*shuffled, strict=True):
                optimizer.zero_grad()
                torch.autograd.backward(self._loss(weights, users, items, stars, generator))
                optimizer.step()
                average.update()

        arrays = [getattr(self, name) for name in weights]
        return self._train(step, arrays, train, validation, label)

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        with torch.no_grad():
            stars = self._stars(self._weights, torch.from_numpy(users), torch.from_numpy(items))
        scores: FloatArray = stars.numpy()
        return scores

    @property
    def _weights(self) -> Weights:
        """The learned arrays, whose memory is shared."""
        own = {each.name for each in fields(self)} - {each.name for each in fields(SteppedModel)}
        arrays = {name: getattr(self, name) for name in own if name not in self.settings}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    # -- what subclasses say

    @abstractmethod
    def _start(self, shape: tuple[int, int], generator: torch.Generator) -> Weights:
        """Make the weights before the first step, for n_users and n_items."""

    @abstractmethod
    def _stars(
        self,
        weights: Weights,
        users: Tensor,
        items: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Predictions, (n_pairs,); with a ``generator`` as in training, with dropout."""

    def _loss(
        self,
        weights: Weights,
        users: Tensor,
        items: Tensor,
        ratings: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        return (self._stars(weights, users, items, generator) - ratings).square().mean()

    @abstractmethod
    def _optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer: ...


class MovingAverage:
    """Exponential moving average of tensors over an optimizer's updates.

    Parameters
    ----------
    averages, iterates
        Tensors of the same shapes; ``averages`` are changed in place.
    decay
        What an update leaves of the average.
    """

    def __init__(
        self, averages: Iterable[Tensor], iterates: Iterable[Tensor], decay: float
    ) -> None:
        self.averages, self.iterates, self.decay = list(averages), list(iterates), decay
        self.n_updates = 0

    @torch.no_grad()
    def update(self) -> None:
        # At first the average reaches back over fewer updates, to forget the initial weights.
        self.n_updates += 1
        decay = min(self.decay, self.n_updates / (self.n_updates + 9))
        for average, iterate in zip(self.averages, self.iterates, strict=True):
            average.lerp_(iterate, 1 - decay)


def keep_average(model: Model, weights: Weights, decay: float) -> MovingAverage:
    """Set a model's arrays to the average of the weights of the same names."""
    averages = {name: weight.clone() for name, weight in weights.items()}
    for name, average in averages.items():
        setattr(model, name, average.numpy())
        weights[name].requires_grad_(name not in BUFFERS)
    return MovingAverage(averages.values(), weights.values(), decay)


def normal(generator: torch.Generator, scale: float, *shape: int) -> Tensor:
    """Normally distributed weights of a standard deviation."""
    return scale * torch.randn(shape, generator=generator)


def start_of_factors_and_biases(
    shape: tuple[int, int], n_factors: int, init_scale: float, generator: torch.Generator
) -> Weights:
    """Random factors and biases of zero."""
    n_users, n_items = shape
    return {
        "user_factors": normal(generator, init_scale, n_users, n_factors),
        "item_factors": normal(generator, init_scale, n_items, n_factors),
        "user_bias": torch.zeros(n_users),
        "item_bias": torch.zeros(n_items),
    }


def factors_and_biases(
    weights: Weights, users: Tensor, items: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of pairs: factors of users and items, (n_pairs, k), and their biases, (n_pairs,)."""
    return (
        weights["user_factors"].index_select(0, users),
        weights["item_factors"].index_select(0, items),
        weights["user_bias"].index_select(0, users),
        weights["item_bias"].index_select(0, items),
    )


def dropout(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Zero a share of the entries and scale up the others; nothing without a generator."""
    if generator is None or not share:
        return x
    kept = torch.rand(x.shape, generator=generator) >= share
    return x * kept / (1 - share)
