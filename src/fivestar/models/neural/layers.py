"""Fully connected layers on one flat array of weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import batch_norm, elu

from fivestar.models.minibatch import dropout

Activation = Literal["elu", "identity", "relu", "sigmoid", "tanh"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "elu": elu,
    "identity": torch.nn.Identity(),
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
MOMENTUM = 0.05
"""Share of a minibatch in the running means and variances of batch norm."""


@dataclass(frozen=True)
class Layers:
    """A multilayer perceptron: x_l = dropout(f(norm(x_{l-1} W_l + a_l))), the last one W x + a.

    Parameters
    ----------
    sizes
        Numbers of inputs, of units of each hidden layer, and of outputs.
    activation
        f.
    dropout
        Share of the hidden units that is zeroed in training.
    batch_norm
        Whether hidden units are standardised over the minibatch, then scaled and shifted
        (Ioffe and Szegedy 2015); in prediction by running means and variances.
    """

    sizes: tuple[int, ...]
    activation: Activation = "relu"
    dropout: float = 0.0
    batch_norm: bool = False

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of W_1, a_1, ..., then scale and shift of each hidden layer with ``batch_norm``."""
        layers = [shape for fans in pairwise(self.sizes) for shape in (fans, fans[1:])]
        return layers + [shape for shape in self._normed for _ in range(2)]

    @property
    def _normed(self) -> list[tuple[int, ...]]:
        return [(n,) for n in self.sizes[1:-1] if self.batch_norm]

    def start(self, generator: torch.Generator, *, silent: bool = False) -> Tensor:
        """All weights end to end: W uniform with variance 2 / (inputs + outputs), a zero.

        Glorot and Bengio, AISTATS 2010. ``silent``: the last W is zero, and so are all outputs.
        """
        flat = torch.zeros(sum(map(math.prod, self.shapes)))
        matrices, _, scaling = self._parts(flat)
        for matrix in matrices[:-1] if silent else matrices:
            matrix.uniform_(-1, 1, generator=generator).mul_(math.sqrt(6 / sum(matrix.shape)))
        for scale in scaling[::2]:
            scale.fill_(1)
        return flat

    def thinned(self, flat: Tensor, generator: torch.Generator) -> Tensor:
        """Weights that give the outputs of one draw of dropout, the same for all inputs."""
        thinned = flat.clone()
        for matrix in self._parts(thinned)[0][1:]:
            matrix.mul_(dropout(torch.ones(len(matrix), 1), self.dropout, generator))
        return thinned

    def _parts(self, flat: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """All W, all a, and scale and shift of batch norm by turns."""
        n = 2 * (len(self.sizes) - 1)
        parts = cut(flat, self.shapes)
        return parts[:n:2], parts[1:n:2], parts[n:]

    def start_statistics(self) -> Tensor:
        """Means of zero and variances of one, (2 x normed units,)."""
        n = sum(map(math.prod, self._normed))
        return torch.cat([torch.zeros(n), torch.ones(n)])

    def __call__(
        self,
        x: Tensor,
        flat: Tensor,
        statistics: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Outputs, (n, sizes[-1]), of inputs (n, sizes[0]); in training with a ``generator``.

        Training moves ``statistics``, the running means and variances.
        """
        matrices, shifts, scaling = self._parts(flat)
        means, variances = (cut(half, self._normed) for half in statistics.chunk(2))
        norms = zip(means, variances, scaling[::2], scaling[1::2], strict=True)
        for matrix, shift in zip(matrices[:-1], shifts[:-1], strict=True):
            x = torch.addmm(shift, x, matrix)
            if self.batch_norm:
                training = generator is not None and len(x) > 1
                x = batch_norm(x, *next(norms), training=training, momentum=MOMENTUM)
            x = dropout(ACTIVATIONS[self.activation](x), self.dropout, generator)
        return torch.addmm(shifts[-1], x, matrices[-1])


def cut(flat: Any, shapes: list[tuple[int, ...]]) -> list[Any]:
    """Views of these shapes of a flat array or tensor, one after the other."""
    ends = list(accumulate(math.prod(shape) for shape in shapes))
    starts = [0, *ends]
    return [flat[a:b].reshape(shape) for a, b, shape in zip(starts, ends, shapes, strict=False)]
