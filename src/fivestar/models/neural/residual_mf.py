"""Matrix factorisation with a network that learns what it leaves over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Lt, MinLen
from torch import Tensor

from fivestar.models.adamw import AdamWModel
from fivestar.models.base import FloatArray, learned
from fivestar.models.factors import Factors, bias_or_none
from fivestar.models.minibatch import (
    Weights,
    dropout,
    factors_and_biases,
    start_of_factors_and_biases,
)
from fivestar.models.neural.layers import Activation, Layers


@dataclass(kw_only=True)
class ResidualMF(AdamWModel):
    r"""Factorisation plus network: r_ui ~ mu + b_u + b_i + p_u . q_i + MLP([p_u, q_i, p_u * q_i]).

    The network sees the same factors (and their products entry by entry) and adds what a dot
    product cannot say; its last layer starts at zero, so that training begins as plain
    factorisation. AdamW minimises the mean squared error of minibatches.

    After He, Liao, Zhang, Nie, Hu, Chua, "Neural Collaborative Filtering", WWW 2017, section
    3.4 (NeuMF), with shared embeddings and a sum, as in He, Zhang, Ren, Sun, "Deep Residual
    Learning for Image Recognition", CVPR 2016.

    Parameters
    ----------
    n_factors
        Length k of the factors.
    hidden
        Units of the hidden layers.
    activation, batch_norm
        Of the hidden layers.
    dropout, embedding_dropout
        Shares of hidden units and of factors' entries that are zeroed in training.
    init_scale
        Standard deviation of the factors before the first step, sqrt(stars).

    Attributes
    ----------
    user_factors, item_factors : p (n_users, n_factors) and q (n_items, n_factors)
    user_bias, item_bias : (n_users,) and (n_items,) stars
    network : weights of the layers end to end, see ``Layers``
    statistics : running means and variances of batch norm; empty without
    """

    family: ClassVar[str] = "residual_mf"

    learning_rate: Annotated[float, Gt(0)] = 0.02
    weight_decay: Annotated[float, Ge(0)] = 0.12
    n_factors: Annotated[int, Ge(1)] = 64
    hidden: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (64,)
    activation: Activation = "relu"
    batch_norm: bool = False
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    embedding_dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    init_scale: Annotated[float, Ge(0)] = 0.02

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    network: FloatArray = learned()
    statistics: FloatArray = learned(parameter=False)

    @property
    def _layers(self) -> Layers:
        sizes = (3 * self.n_factors, *self.hidden, 1)
        return Layers(sizes, self.activation, self.dropout, self.batch_norm)

    def _start(self, shape: tuple[int, int], generator: torch.Generator) -> Weights:
        return {
            **start_of_factors_and_biases(shape, self.n_factors, self.init_scale, generator),
            "network": self._layers.start(generator, silent=True),
            "statistics": self._layers.start_statistics(),
        }

    def _formula(
        self,
        weights: Weights,
        users: Tensor,
        items: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        p, q, b_user, b_item = factors_and_biases(weights, users, items)
        p, q = (dropout(side, self.embedding_dropout, generator) for side in (p, q))
        inputs = torch.cat([p, q, p * q], 1)
        above = self._layers(inputs, weights["network"], weights["statistics"], generator)
        return float(self.mean[0]) + b_user + b_item + (p * q).sum(1) + above[:, 0]

    def _thinned(self, weights: Weights, generator: torch.Generator) -> Weights:
        thinned = {**weights, "network": self._layers.thinned(weights["network"], generator)}
        for name in ("user_factors", "item_factors"):
            ones = torch.ones(weights[name].shape[1])
            thinned[name] = weights[name] * dropout(ones, self.embedding_dropout, generator)
        return thinned

    def _factors(self) -> Factors:
        return Factors(
            items=self.item_factors,
            users=self.user_factors,
            item_bias=bias_or_none(self.item_bias),
            user_bias=bias_or_none(self.user_bias),
            constant=float(self.mean[0]),
        )
