"""Dot product and biases through a sigmoid onto the scale of the ratings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn

from fivestar.models.adamw import AdamWModel
from fivestar.models.base import FloatArray, learned
from fivestar.models.factors import Factors
from fivestar.models.minibatch import Network, factors_and_biases


@dataclass(kw_only=True)
class DotBias(AdamWModel):
    r"""Dot product with biases, r_ui ~ low + (high - low) sigmoid(c + b_u + b_i + p_u . q_i).

    low and high lie a ``margin`` outside the scale, since the sigmoid never reaches its ends;
    c is where the sigmoid gives the global mean.

    Howard and Gugger, "Deep Learning for Coders with fastai and PyTorch", 2020, chapter 8
    (``EmbeddingDotBias`` of fastai's ``collab_learner``).

    Parameters
    ----------
    n_factors
        Length k of the factors.
    margin
        Units.
    init_scale
        Standard deviation of the factors before the first step.

    Attributes
    ----------
    user_factors, item_factors : p (n_users, n_factors) and q (n_items, n_factors)
    user_bias, item_bias : (n_users,) and (n_items,), before the sigmoid
    """

    family: ClassVar[str] = "dot_bias"

    n_factors: Annotated[int, Ge(1)] = 80
    margin: Annotated[float, Gt(0)] = 0.5
    init_scale: Annotated[float, Ge(0)] = 0.01

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()

    def _start(self, shape: tuple[int, int], generator: Generator) -> Network:
        return Network(factors_and_biases(shape, self.n_factors, self.init_scale, generator))

    def _formula(self, of: dict[str, Tensor], layers: nn.Sequential) -> Tensor:
        low, high = self._reach
        products = (of["user_factors"] * of["item_factors"]).sum(1)
        logits = self._logit_of_mean + of["user_bias"] + of["item_bias"] + products
        return low + (high - low) * torch.sigmoid(logits)

    @property
    def _reach(self) -> tuple[float, float]:
        lowest, highest = self._ends
        return lowest - self.margin, highest + self.margin

    @property
    def _logit_of_mean(self) -> float:
        low, high = self._reach
        return math.log((float(self.mean[0]) - low) / (high - float(self.mean[0])))

    def _factors(self) -> Factors:
        """Before the sigmoid."""
        factors = Factors.biased(
            self._logit_of_mean,
            self.user_bias,
            self.item_bias,
            self.user_factors,
            self.item_factors,
        )
        return replace(factors, in_ratings=False, exact=False)
