"""Neural collaborative filtering: a network on the embeddings of user and item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Generator, Tensor

from fivestar.models.adamw import AdamWModel
from fivestar.models.base import FloatArray, learned
from fivestar.models.factors import Factors
from fivestar.models.minibatch import Network
from fivestar.models.neural.layers import HiddenLayers


@dataclass(kw_only=True)
class NeuralCF(HiddenLayers, AdamWModel):
    r"""A multilayer perceptron on concatenated embeddings: r_ui ~ mu + MLP([p_u, q_i]).

    Unlike a dot product the network needs no embeddings of equal lengths: those of users may
    be longer or shorter than those of items.

    He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017, section 3.3;
    Google's course on recommendation systems, "Deep neural network models".

    Parameters
    ----------
    user_size, item_size
        Lengths of p and q.
    init_scale
        Standard deviation of the embeddings before the first step.

    Attributes
    ----------
    user_embeddings, item_embeddings : p (n_users, user_size) and q (n_items, item_size)
    """

    family: ClassVar[str] = "neural_cf"

    weight_decay: Annotated[float, Ge(0)] = 0.07
    user_size: Annotated[int, Ge(1)] = 16
    item_size: Annotated[int, Ge(1)] = 32
    init_scale: Annotated[float, Ge(0)] = 0.05

    user_embeddings: FloatArray = learned()
    item_embeddings: FloatArray = learned()

    def _start(self, shape: tuple[int, int], generator: Generator) -> Network:
        sizes = {"user_embeddings": self.user_size, "item_embeddings": self.item_size}
        embeddings = {
            name: self.init_scale * torch.randn(n, size, generator=generator)
            for (name, size), n in zip(sizes.items(), shape, strict=True)
        }
        return Network(embeddings, self.on_embeddings(self.user_size + self.item_size, generator))

    def _formula(self, of: dict[str, Tensor], network: Network) -> Tensor:
        pairs = torch.cat([of["user_embeddings"], of["item_embeddings"]], 1)
        return float(self.mean[0]) + network.above(pairs).squeeze(1)

    def _factors(self) -> Factors:
        return Factors(items=self.item_embeddings)
