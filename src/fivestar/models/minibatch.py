"""Networks of torch, learned from minibatches, whose weights a model keeps as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Self, cast

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn.utils import vector_to_parameters
from torch.optim.swa_utils import AveragedModel

from fivestar.models.base import FloatArray, learned
from fivestar.models.column_adam import ColumnAdam
from fivestar.models.factors import Factors
from fivestar.models.training import EarlyStopping, History, Steps, Training


class Network(nn.Module):
    """Weights that a model keeps in arrays of the same names, and layers above them.

    The weights of the layers make up the array ``network``, end to end, and the running means
    and variances of batch norm ``statistics``.
    """

    def __init__(self, weights: Mapping[str, Tensor], layers: nn.Sequential | None = None) -> None:
        super().__init__()
        self.weights = nn.ParameterDict(weights)
        self.layers = layers or nn.Sequential()

    def of_pairs(self, users: Tensor, items: Tensor) -> dict[str, Tensor]:
        """Rows of the weights ``user_...`` and ``item_...`` for each pair."""
        return {
            name: weight.index_select(0, users if name.startswith("user_") else items)
            for name, weight in self.weights.items()
        }

    def above(self, x: Tensor) -> Tensor:
        """What the layers make of the rows of x."""
        return cast(Tensor, self.layers(x))

    def share_with(self, model: Any) -> list[FloatArray]:
        """Set the model's arrays, which share the memory of the weights from now on."""
        arrays = {name: weight.detach().numpy() for name, weight in self.weights.items()}
        for name, tensors in self._of_layers(model).items():
            flat = torch.cat([torch.empty(0), *(each.detach().ravel() for each in tensors)])
            vector_to_parameters(flat, tensors)
            arrays[name] = flat.numpy()
        for name, array in arrays.items():
            setattr(model, name, array)
        return list(arrays.values())

    def shared_by(self, model: Any) -> Self:
        """Take the model's arrays for weights, sharing their memory, to predict with them."""
        for name in self.weights:
            weight = torch.from_numpy(getattr(model, name))
            self.weights[name] = nn.Parameter(weight, requires_grad=False)
        for name, tensors in self._of_layers(model).items():
            vector_to_parameters(torch.from_numpy(getattr(model, name)), tensors)
        return self.eval()

    def _of_layers(self, model: Any) -> dict[str, list[Tensor]]:
        tensors: dict[str, list[Tensor]] = {
            "network": list(self.layers.parameters()),
            "statistics": list(self.layers.buffers()),
        }
        return {name: tensors[name] for name in tensors if name in model.__dataclass_fields__}


def roots_of(weights: NDArray[np.float64] | None) -> Tensor | None:
    """Of the sample weights: errors times these have the weighted squares."""
    return None if weights is None else torch.from_numpy(np.sqrt(weights, dtype=np.float32))


@dataclass(kw_only=True)
class Minibatches(Steps):
    """Settings of models that torch learns from minibatches of data in random order.

    A step goes once through all data. The weights kept are an exponential moving average over
    the optimizer's updates (Polyak and Juditsky 1992); it takes the place of a falling learning
    rate and, unlike that, does not depend on ``n_steps``.

    Parameters
    ----------
    batch_size
        Ratings in a minibatch, or rows of ratings where a row goes in at once.
    learning_rate
        Of the optimizer.
    averaging
        Decay of the moving average at an update; 0 keeps the last weights.
    """

    n_steps: Annotated[int, Ge(0)] = 60
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=5))
    batch_size: Annotated[int, Ge(1)] = 512
    learning_rate: Annotated[float, Gt(0)] = 0.02
    averaging: Annotated[float, Ge(0), Lt(1)] = 0.99

    def _learn(
        self,
        network: Network,
        optimizer: torch.optim.Optimizer,
        loss: Callable[[Tensor], Tensor],
        n_data: int,
        training: Training,
        generator: Generator,
        refresh: Callable[[], object] = lambda: None,
        columns: ColumnAdam | None = None,
    ) -> History:
        """Minimise the loss of minibatches, which are given by their indices among the data.

        ``columns`` learns further weights of the loss, of which a minibatch uses a part.
        """

        def average(
            kept: Sequence[Tensor], latest: Sequence[Tensor], n_updates: Tensor | int
        ) -> None:
            # At first the average reaches back over fewer updates, to forget the initial weights.
            decay = min(self.averaging, int(n_updates) / (int(n_updates) + 9))
            for each, weight in zip(kept, latest, strict=True):
                each.lerp_(weight, 1 - decay)

        averaged = AveragedModel(network, multi_avg_fn=average, use_buffers=True)
        averaged.update_parameters(network)  # the first update copies

        def step() -> None:
            order = torch.randperm(n_data, generator=generator)
            minibatches = torch.split(order, self.batch_size)
            if columns is not None:
                columns.begin(minibatches)
            for minibatch in minibatches:
                optimizer.zero_grad()
                torch.autograd.backward(loss(minibatch))
                optimizer.step()
                if columns is not None:
                    columns.step()
                averaged.update_parameters(network)

        arrays = cast(Network, averaged.module).share_with(self)
        for name, array in (columns.averages if columns is not None else {}).items():
            setattr(self, name, array)
            arrays.append(array)
        return training.run(step, arrays, self, refresh=refresh)


@dataclass(kw_only=True)
class FactorsAndBiases:
    """Settings and weights of a factorisation with biases.

    Parameters
    ----------
    n_factors
        Length k of the factors.
    init_scale
        Standard deviation of the factors before the first step.

    Attributes
    ----------
    user_factors, item_factors : p (n_users, n_factors) and q (n_items, n_factors)
    user_bias, item_bias : b (n_users,) and (n_items,)
    """

    n_factors: Annotated[int, Ge(1)] = 80
    init_scale: Annotated[float, Ge(0)] = 0.01

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()

    def start(self, shape: tuple[int, int], generator: Generator) -> dict[str, Tensor]:
        """Random factors, and biases of zero, of n_users and n_items."""
        users, items = (torch.randn(n, self.n_factors, generator=generator) for n in shape)
        return {
            "user_factors": self.init_scale * users,
            "item_factors": self.init_scale * items,
            "user_bias": torch.zeros(shape[0]),
            "item_bias": torch.zeros(shape[1]),
        }

    def dot_product(self, constant: float) -> Factors:
        biases = self.user_bias, self.item_bias
        return Factors.biased(constant, *biases, self.user_factors, self.item_factors)
