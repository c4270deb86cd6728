"""Matrix factorisation with a network that learns what it leaves over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Generator, Tensor

from fivestar.models.adamw import AdamWModel
from fivestar.models.factors import Factors
from fivestar.models.minibatch import FactorsAndBiases, Network
from fivestar.models.neural.layers import HiddenLayers


@dataclass(kw_only=True)
class ResidualMF(FactorsAndBiases, HiddenLayers, AdamWModel):
    r"""Factorisation plus network: r_ui ~ mu + b_u + b_i + p_u . q_i + MLP([p_u, q_i, p_u * q_i]).

    The network sees the same factors (and their products entry by entry) and adds what a dot
    product cannot say; its last layer starts at zero, so that training begins as plain
    factorisation.

    After He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017, section
    3.4 (NeuMF), with shared embeddings and a sum, as in He, Zhang, Ren, Sun, "Deep Residual
    Learning for Image Recognition", CVPR 2016.
    """

    family: ClassVar[str] = "residual_mf"

    weight_decay: Annotated[float, Ge(0)] = 0.12
    n_factors: Annotated[int, Ge(1)] = 64
    init_scale: Annotated[float, Ge(0)] = 0.02

    def _start(self, shape: tuple[int, int], generator: Generator) -> Network:
        weights = self.start(shape, generator)
        return Network(weights, self.on_embeddings(3 * self.n_factors, generator, silent=True))

    def _formula(self, of: dict[str, Tensor], network: Network) -> Tensor:
        dropout, perceptron = network.layers
        p, q = dropout(of["user_factors"]), dropout(of["item_factors"])
        above = perceptron(torch.cat([p, q, p * q], 1)).squeeze(1)
        biases = float(self.mean[0]) + of["user_bias"] + of["item_bias"]
        prediction: Tensor = biases + (p * q).sum(1) + above
        return prediction

    def _factors(self) -> Factors:
        """Without what the network adds."""
        return replace(self.dot_product(self.mean[0]), exact=False)
