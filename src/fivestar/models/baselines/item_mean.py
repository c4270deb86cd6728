"""The mean of an item's ratings: the simplest predictor, of rank 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.factors import Factors
from fivestar.models.training import History, Training
from fivestar.ratings import Indices


@dataclass(kw_only=True)
class ItemMean(Model):
    """Each user gives an item the mean of the ratings that it got.

    As a matrix the prediction is 1 m^T, of rank 1: a column of ones (n_users, 1) times the
    row of means (1, n_items).

    Attributes
    ----------
    means : (n_items,) mean rating in units; the global mean where train has none
    """

    family: ClassVar[str] = "item_mean"
    uses_weights: ClassVar[bool] = True

    bias_fallback: bool = False

    means: FloatArray = learned()

    def _fit(self, training: Training) -> History:
        known = np.where(self.known_items, self.item_means, self.global_mean)
        self.means = (known / self.unit).astype(np.float32)
        return training.once()

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Nothing: all users are alike."""

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        return self.means[items]

    def _ranking_factors(self) -> Factors:
        return Factors.of_biases(0, np.zeros_like(self.user_means), self.means)
