"""Matrix factorisation with a network that learns what it leaves over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Generator, Tensor, nn

from fivestar.models.adamw import AdamWModel
from fivestar.models.base import FloatArray, learned
from fivestar.models.factors import Factors
from fivestar.models.minibatch import Network, factors_and_biases
from fivestar.models.neural.layers import HiddenLayers


@dataclass(kw_only=True)
class ResidualMF(HiddenLayers, AdamWModel):
    r"""Factorisation plus network: r_ui ~ mu + b_u + b_i + p_u . q_i + MLP([p_u, q_i, p_u * q_i]).

    The network sees the same factors (and their products entry by entry) and adds what a dot
    product cannot say; its last layer starts at zero, so that training begins as plain
    factorisation.

    After He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017, section
    3.4 (NeuMF), with shared embeddings and a sum, as in He, Zhang, Ren, Sun, "Deep Residual
    Learning for Image Recognition", CVPR 2016.

    Parameters
    ----------
    n_factors
        Length k of the factors.
    init_scale
        Standard deviation of the factors before the first step, sqrt(units).

    Attributes
    ----------
    user_factors, item_factors : p (n_users, n_factors) and q (n_items, n_factors)
    user_bias, item_bias : (n_users,) and (n_items,) units
    """

    family: ClassVar[str] = "residual_mf"

    weight_decay: Annotated[float, Ge(0)] = 0.12
    n_factors: Annotated[int, Ge(1)] = 64
    init_scale: Annotated[float, Ge(0)] = 0.02

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()

    def _start(self, shape: tuple[int, int], generator: Generator) -> Network:
        return Network(
            factors_and_biases(shape, self.n_factors, self.init_scale, generator),
            self.on_embeddings(3 * self.n_factors, generator, silent=True),
        )

    def _formula(self, of: dict[str, Tensor], layers: nn.Sequential) -> Tensor:
        dropout, *perceptron = layers
        p, q = dropout(of["user_factors"]), dropout(of["item_factors"])
        above = torch.cat([p, q, p * q], 1)
        for layer in perceptron:
            above = layer(above)
        biases = float(self.mean[0]) + of["user_bias"] + of["item_bias"]
        return biases + (p * q).sum(1) + above.squeeze(1)

    def _factors(self) -> Factors:
        """Without what the network adds."""
        biases = self.mean[0], self.user_bias, self.item_bias
        return replace(Factors.biased(*biases, self.user_factors, self.item_factors), exact=False)
