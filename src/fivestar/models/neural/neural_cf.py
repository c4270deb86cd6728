"""Neural collaborative filtering: a network on the embeddings of user and item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Lt, MinLen
from torch import Tensor

from fivestar.models.adamw import AdamWModel
from fivestar.models.base import FloatArray, learned
from fivestar.models.factors import Factors
from fivestar.models.minibatch import Weights, dropout, normal
from fivestar.models.neural.layers import Activation, Layers


@dataclass(kw_only=True)
class NeuralCF(AdamWModel):
    r"""A multilayer perceptron on concatenated embeddings: r_ui ~ mu + MLP([p_u, q_i]).

    Unlike a dot product the network needs no embeddings of equal lengths: those of users may
    be longer or shorter than those of items. Each hidden layer is x W + a, then batch norm (if
    wanted), activation and dropout. AdamW minimises the mean squared error of minibatches.

    He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017, section 3.3;
    Google's course on recommendation systems, "Deep neural network models".

    Parameters
    ----------
    user_size, item_size
        Lengths of p and q.
    hidden
        Units of the hidden layers.
    activation, batch_norm
        Of the hidden layers.
    dropout, embedding_dropout
        Shares of hidden units and of embeddings' entries that are zeroed in training.
    init_scale
        Standard deviation of the embeddings before the first step.

    Attributes
    ----------
    user_embeddings, item_embeddings : p (n_users, user_size) and q (n_items, item_size)
    network : weights of the layers end to end, see ``Layers``
    statistics : running means and variances of batch norm; empty without
    """

    family: ClassVar[str] = "neural_cf"

    learning_rate: Annotated[float, Gt(0)] = 0.02
    weight_decay: Annotated[float, Ge(0)] = 0.07
    user_size: Annotated[int, Ge(1)] = 16
    item_size: Annotated[int, Ge(1)] = 32
    hidden: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (64,)
    activation: Activation = "relu"
    batch_norm: bool = False
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    embedding_dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    init_scale: Annotated[float, Ge(0)] = 0.05

    user_embeddings: FloatArray = learned()
    item_embeddings: FloatArray = learned()
    network: FloatArray = learned()
    statistics: FloatArray = learned(parameter=False)

    @property
    def _layers(self) -> Layers:
        sizes = (self.user_size + self.item_size, *self.hidden, 1)
        return Layers(sizes, self.activation, self.dropout, self.batch_norm)

    def _start(self, shape: tuple[int, int], generator: torch.Generator) -> Weights:
        n_users, n_items = shape
        return {
            "user_embeddings": normal(generator, self.init_scale, n_users, self.user_size),
            "item_embeddings": normal(generator, self.init_scale, n_items, self.item_size),
            "network": self._layers.start(generator),
            "statistics": self._layers.start_statistics(),
        }

    def _formula(
        self,
        weights: Weights,
        users: Tensor,
        items: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        p = weights["user_embeddings"].index_select(0, users)
        q = weights["item_embeddings"].index_select(0, items)
        pair = dropout(torch.cat([p, q], 1), self.embedding_dropout, generator)
        above = self._layers(pair, weights["network"], weights["statistics"], generator)
        return float(self.mean[0]) + above[:, 0]

    def _thinned(self, weights: Weights, generator: torch.Generator) -> Weights:
        thinned = {**weights, "network": self._layers.thinned(weights["network"], generator)}
        for name in ("user_embeddings", "item_embeddings"):
            ones = torch.ones(weights[name].shape[1])
            thinned[name] = weights[name] * dropout(ones, self.embedding_dropout, generator)
        return thinned

    def _factors(self) -> Factors:
        return Factors(items=self.item_embeddings)
