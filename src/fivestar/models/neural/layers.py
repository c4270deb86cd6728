"""Fully connected layers of torch whose random numbers come from a generator of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Lt, MinLen
from torch import Generator, Tensor, nn
from torch.nn.functional import batch_norm

from fivestar.models.base import FloatArray, learned

Activation = Literal["elu", "identity", "relu", "sigmoid", "tanh"]
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}
MOMENTUM = 0.05
"""Weight of a minibatch in the running means and variances of batch norm."""


@dataclass(kw_only=True)
class HiddenLayers:
    """Settings and weights of a perceptron with one output, on embeddings.

    Parameters
    ----------
    hidden
        Units of the hidden layers.
    activation, batch_norm
        f of the hidden layers, and whether there is a norm: see ``hidden_layers``.
    dropout, embedding_dropout
        Fractions of the hidden units and of the embeddings' entries that are zeroed in training.

    Attributes
    ----------
    network, statistics : see ``Network``
    """

    hidden: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (64,)
    activation: Activation = "relu"
    batch_norm: bool = False
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    embedding_dropout: Annotated[float, Ge(0), Lt(1)] = 0.2

    network: FloatArray = learned()
    statistics: FloatArray = learned(parameter=False)

    def on_embeddings(
        self, n_inputs: int, generator: Generator, *, silent: bool = False
    ) -> nn.Sequential:
        """Dropout of the embeddings, and the perceptron; a ``silent`` one starts by giving 0."""
        sizes, last = (n_inputs, *self.hidden), (self.hidden[-1], 1)
        hidden = hidden_layers(sizes, self.activation, generator, self.batch_norm, self.dropout)
        output = linear(torch.zeros(last) if silent else glorot(generator, *last))
        dropout = Dropout(self.embedding_dropout, generator)
        return nn.Sequential(dropout, nn.Sequential(*hidden, output))


def hidden_layers(
    sizes: Sequence[int],
    activation: Activation,
    generator: Generator,
    batch_norm: bool = False,
    dropout: float = 0.0,
) -> list[nn.Module]:
    """Layers x_l = dropout(f(norm(x_{l-1} W_l + a_l))), for ``sizes`` of x_0, x_1, ...

    Batch norm standardises units over the minibatch, in prediction by running means and
    variances, then scales and shifts them (Ioffe and Szegedy 2015).
    """
    layers: list[nn.Module] = []
    for fans in pairwise(sizes):
        layers.append(linear(glorot(generator, *fans)))
        if batch_norm:
            layers.append(BatchNorm(fans[1]))
        layers += [ACTIVATIONS[activation](), Dropout(dropout, generator)]
    return layers


def linear(weights: Tensor) -> nn.Linear:
    """The layer x W + a, for W (n_inputs, n_outputs) and a of zeros."""
    n_inputs, n_outputs = weights.shape
    layer = nn.Linear(n_inputs, n_outputs, device="meta")
    layer.weight = nn.Parameter(weights.T.contiguous())
    layer.bias = nn.Parameter(torch.zeros(n_outputs))
    return layer


def glorot(generator: Generator, *shape: int) -> Tensor:
    """A matrix of uniform weights with variance 2 / (inputs + outputs), or a vector of zeros.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.
    """
    bound = math.sqrt(6 / sum(shape)) if len(shape) == 2 else 0
    return torch.empty(shape).uniform_(-1, 1, generator=generator).mul_(bound)


class Dropout(nn.Module):
    """Zeroes a fraction of the entries and scales up the others, in training.

    Unlike torch's own it has a generator, so that models trained side by side do not disturb
    each other. ``alike`` zeroes the same columns in all rows.
    """

    def __init__(self, fraction: float, generator: Generator) -> None:
        super().__init__()
        self.fraction, self.generator, self.alike = fraction, generator, False

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.fraction:
            return x
        drawn = torch.rand(x[:1].shape if self.alike else x.shape, generator=self.generator)
        return x * (drawn >= self.fraction) / (1 - self.fraction)


class BatchNorm(nn.BatchNorm1d):
    """Batch norm that takes a single row, which has no variance, as in prediction."""

    def __init__(self, n_units: int) -> None:
        super().__init__(n_units)
        self.num_batches_tracked = None

    def forward(self, x: Tensor) -> Tensor:
        running = self.running_mean, self.running_var, self.weight, self.bias
        return batch_norm(x, *running, training=self.training and len(x) > 1, momentum=MOMENTUM)
