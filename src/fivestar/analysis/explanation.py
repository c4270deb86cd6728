"""Why an item is recommended: own ratings, rated items close to it, factors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.principal_factors import principal_factors
from fivestar.analysis.similarity import directions
from fivestar.models import Model
from fivestar.ratings import Indices

Array = NDArray[np.floating]

OWN_RATING, OTHERS, NEAREST, FACTOR = "own rating", "other ratings", "nearest", "factor"
N_TYPICAL = 3
"""Items that stand for a factor."""
NONE = float("nan")
REASON = {
    **{"explained": "float64", "base": "float64", "kind": "str", "place": "int64"},
    **{"reason": "str", "reason_title": "str", "rating": "float64", "value": "float64"},
}
"""Columns of a reason, and their types."""
Reason = tuple[str, int, str, str, float, float]
"""The last six of them."""


class Explainer:
    """Reasons for the predictions of a model.

    - ``own rating``: what each of the user's ratings adds to the prediction. With the items
      given, a user's factors are solved in closed form, and so a prediction is a base and a
      sum over the ratings (``Model.contributions``). That is exact for a user who is folded
      in. A trained user's factors were learned beside the items, so ``explained``, the base
      plus all contributions, differs a little from the model's own prediction.
    - ``other ratings``: what all further own ratings add together.
    - ``nearest``: the rated items whose vectors have the highest cosine with the item's.
    - ``factor``: products of the user's and the item's principal factors, that is what lies
      above the average user and the average item; named by items on the same side of it.

    A model that cannot tell one of these goes without.

    Parameters
    ----------
    model, folded
        As it was trained; and with other users, if the explanations are for them.
    items, candidates
        The item table, and indices of the items that factors are those of, in rising order.
    n_reasons, n_factors
        At the most: of the first and the third kind, and of the last.
    """

    def __init__(
        self,
        model: Model,
        items: pd.DataFrame,
        candidates: Indices,
        n_reasons: int,
        n_factors: int,
        folded: Model | None = None,
    ) -> None:
        self.model, self.candidates, self.n_reasons = model, candidates, n_reasons
        self.ids, self.shown = items["item"].tolist(), items["shown"].tolist()
        factors = model.factors()
        own = factors if folded is None else folded.factors()
        self.unit = None if factors is None else directions(factors.items)
        self.factors: Array = np.empty((len(candidates), 0))  # of items, at length 1
        if factors is None or factors.users is None or own is None or own.users is None:
            return
        if n_factors and len(candidates) > 1 and own.users.shape[1] == factors.users.shape[1]:
            # Of users X and items Y with the items' principal directions V, a user's coordinates
            # are (x - mean)' (Y - mean)' V: their products with a row of V sum to what lies
            # above the averages, (x - mean) . (y - mean), if all factors are taken.
            vectors = factors.items[candidates]
            scores = principal_factors(vectors, factors.users, n_factors).scores
            self.factors = directions(scores.T).T
            self.projection = (vectors - vectors.mean(axis=0)).T @ self.factors
            self.users, self.mean_user = own.users, factors.users.mean(axis=0)

    def explain(
        self, user: int, item: int, own: sparse.csr_array
    ) -> Iterator[tuple[float, float, str, int, str, str, float, float]]:
        """The reasons for an item, rows of a table with the columns ``REASON``.

        User and item are indices; ``own`` are the user's ratings, (1, n_items).
        """
        rated, ratings = own.indices.astype(np.intp), own.data
        explained = base = NONE
        reasons: list[Reason] = []
        if self.model.can_explain and self.model.known_items[item]:
            base, parts = self.model.contributions(rated, ratings, item)
            explained = base + float(parts.sum())
            reasons += self._own_ratings(rated, ratings, parts)
        if self.unit is not None and self.unit[item].any():
            cosines = self.unit[rated] @ self.unit[item]
            order = np.argsort(-cosines, kind="stable")
            order = order[rated[order] != item][: self.n_reasons]
            reasons += self._rated(NEAREST, rated[order], ratings[order], cosines[order])
        reasons += self._factors(user, item)
        for reason in reasons:
            yield explained, base, *reason

    def _own_ratings(self, rated: Indices, ratings: Array, parts: Array) -> Iterator[Reason]:
        """The largest contributions, and the rest as one."""
        order = np.argsort(-np.abs(parts), kind="stable")
        first, rest = order[: self.n_reasons], order[self.n_reasons :]
        yield from self._rated(OWN_RATING, rated[first], ratings[first], parts[first])
        if n := len(rest):
            title = f"{n} other ratings"
            yield OTHERS, self.n_reasons + 1, str(n), title, NONE, float(parts[rest].sum())

    def _rated(self, kind: str, items: Indices, ratings: Array, values: Array) -> Iterator[Reason]:
        columns = items.tolist(), ratings.tolist(), values.tolist()
        for place, (item, rating, value) in enumerate(zip(*columns, strict=True), start=1):
            yield kind, place, self.ids[item], self.shown[item], rating, value

    def _factors(self, user: int, item: int) -> Iterator[Reason]:
        row = np.flatnonzero(self.candidates == item)
        if not self.factors.shape[1] or not len(row):
            return
        sides = self.factors * np.sign(self.factors[row])
        products = (self.users[user] - self.mean_user) @ self.projection * self.factors[row[0]]
        order = np.argsort(-np.abs(products), kind="stable")
        for place, factor in enumerate(order[products[order] != 0], start=1):
            typical = np.argsort(-sides[:, factor], kind="stable")
            typical = self.candidates[typical[typical != row][:N_TYPICAL]]
            title = "like " + "; ".join(self.shown[one] for one in typical)
            yield FACTOR, place, str(factor + 1), title, NONE, float(products[factor])
