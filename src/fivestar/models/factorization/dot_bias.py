"""Dot product and biases through a sigmoid onto the scale of the ratings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt
from torch import Generator, Tensor

from fivestar.models.adamw import AdamWModel
from fivestar.models.factors import Factors
from fivestar.models.minibatch import FactorsAndBiases, Network


@dataclass(kw_only=True)
class DotBias(FactorsAndBiases, AdamWModel):
    r"""Dot product with biases, r_ui ~ low + (high - low) sigmoid(c + b_u + b_i + p_u . q_i).

    low and high lie a ``margin`` outside the scale, since the sigmoid never reaches its ends;
    c is where the sigmoid gives the global mean.

    Howard and Gugger, "Deep Learning for Coders with fastai and PyTorch", 2020, chapter 8
    (``EmbeddingDotBias`` of fastai's ``collab_learner``).

    Parameters
    ----------
    margin
        Units.
    """

    family: ClassVar[str] = "dot_bias"

    margin: Annotated[float, Gt(0)] = 0.5

    def _start(self, shape: tuple[int, int], generator: Generator) -> Network:
        return Network(self.start(shape, generator))

    def _formula(self, of: dict[str, Tensor], network: Network) -> Tensor:
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
        return replace(self.dot_product(self._logit_of_mean), in_ratings=False, exact=False)
