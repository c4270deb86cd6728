"""Learning embeddings from small batches of ratings in random order, by torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from fivestar.models.training import History, Steps, Training
from fivestar.ratings import observed

Weights = dict[str, Tensor]
"""The learned arrays by name, as torch sees them."""
BUFFERS = frozenset({"statistics"})
"""Weights that are not moved by gradients."""


def learn_by_minibatches(
    model: Any,
    training: Training,
    settings: Steps,
    weights: Weights,
    loss: Callable[[Tensor, Tensor, Tensor], Tensor],
    optimizer: Callable[[list[Tensor]], torch.optim.Optimizer],
    generator: torch.Generator,
    *,
    batch_size: int,
    averaging: float,
) -> History:
    """Set a model's arrays of the weights' names; a step goes once through all ratings.

    The weights kept are an exponential moving average over the optimizer's updates (Polyak and
    Juditsky 1992); it takes the place of a falling learning rate and, unlike that, does not
    depend on ``n_steps``.

    Parameters
    ----------
    loss
        Of a minibatch's users, items and ratings, by the ``weights`` as they are.
    optimizer
        Made of the weights that have gradients.
    generator
        Source of the order.
    batch_size
        Ratings in a minibatch.
    averaging
        Decay of the moving average at an update; 0 keeps the last weights.
    """
    average = keep_average(model, weights, averaging)
    moved = optimizer([weight for weight in weights.values() if weight.requires_grad])
    ratings = [torch.from_numpy(column) for column in observed(training.ratings)]

    def step() -> None:
        order = torch.randperm(len(ratings[0]), generator=generator)
        shuffled = [torch.split(column[order], batch_size) for column in ratings]
        for batch in zip(*shuffled, strict=True):
            moved.zero_grad()
            torch.autograd.backward(loss(*batch))
            moved.step()
            average.update()

    return training.run(step, [getattr(model, name) for name in weights], settings)


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


def keep_average(model: Any, weights: Weights, decay: float) -> MovingAverage:
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


def dropout(x: Tensor, fraction: float, generator: torch.Generator | None) -> Tensor:
    """Zero a fraction of the entries and scale up the others; nothing without a generator."""
    if generator is None or not fraction:
        return x
    kept = torch.rand(x.shape, generator=generator) >= fraction
    return x * kept / (1 - fraction)
