"""The mean of an item's ratings: the simplest predictor, of rank 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.training import History
from fivestar.ratings import Positions


@dataclass(kw_only=True)
class ItemMean(Model):
    """Each user gives an item the mean of the stars that it got.

    As a matrix the prediction is 1 m^T, of rank 1: a column of ones (n_users, 1) times the
    row of means (1, n_items).

    Attributes
    ----------
    stars : (n_items,) mean rating; NaN where train has none
    """

    family: ClassVar[str] = "item_mean"

    stars: FloatArray = learned()

    def _fit(
        self, train: sparse.csr_array, validation: sparse.csr_array | None, label: str
    ) -> History:
        self.stars = self.item_means.copy()
        history = History()
        history.record(0, *self.curve(train, validation)())
        return history

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Nothing: all people are alike."""

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        return self.stars[items]
