"""Why an item is recommended: own ratings, rated items close to it, factors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivestar.analysis.principal_factors import principal_factors
from fivestar.analysis.similarity import directions
from fivestar.models import Factors, Model
from fivestar.ratings import Positions

Array = NDArray[np.floating]
Reason = tuple[str, int, int, float, float]
"""Kind, place, what it is, the rating, the value."""

OWN_RATING, OTHERS, NEAREST, FACTOR = "own rating", "other ratings", "nearest", "factor"
NONE = float("nan")


class Explainer:
    """Reasons for the predictions of a model.

    - ``own rating``: what each of the user's ratings adds to the prediction. With the items
      given, a user's factors are solved in closed form, and so a prediction is a base and a
      sum over the ratings (``Model.contributions``). That is exact for a user who is folded
      in. A trained user's factors were learned beside the items, so ``explained``, the base
      plus all contributions, differs a little from the model's own prediction.
    - ``nearest``: the rated items whose vectors have the highest cosine with the item's.
    - ``factor``: products of the user's and the item's principal factors, that is what lies
      above the average user and the average item.

    A model that cannot tell one of these goes without.

    Parameters
    ----------
    model
        As it was trained.
    candidates
        Indices of the items that factors are those of.
    n_reasons
        Of the first two kinds, at the most.
    n_factors
        The strongest ones, at the most.
    folded
        The same model with other users, whom the explanations are for.
    """

    def __init__(
        self,
        model: Model,
        candidates: Positions,
        n_reasons: int,
        n_factors: int,
        folded: Model | None = None,
    ) -> None:
        self.model, self.n_reasons = model, n_reasons
        factors = model.factors()
        own = factors if folded is None else folded.factors()
        self.unit = None if factors is None else directions(factors.items)
        self.principal = (
            None if factors is None else _Principal.of(factors, own, candidates, n_factors)
        )

    def explain(
        self, user: int, rated: Positions, ratings: Array, item: int
    ) -> tuple[float, float, list[Reason]]:
        """The reasons for an item.

        Parameters
        ----------
        user, item
            Indices.
        rated, ratings
            (n_ratings,) indices of the items that the user rated, and how.

        Returns
        -------
        explained, base
            In ratings; NaN where ratings cannot be told apart.
        reasons
            Kind and place from 1 on; the index of a rated item, with its rating, or the number
            of the other ratings, or that of a factor; and a value: in ratings, of a factor in
            the model's units, or a cosine.
        """
        explained = base = NONE
        reasons: list[Reason] = []
        if self.model.can_explain and self.model.known_items[item]:
            base, parts = self.model.contributions(rated, ratings, item)
            explained = base + float(parts.sum())
            reasons += self._own_ratings(rated, ratings, parts)
        reasons += self._nearest(rated, ratings, item)
        if self.principal is not None:
            reasons += self.principal.reasons(user, item)
        return explained, base, reasons

    def _own_ratings(self, rated: Positions, ratings: Array, parts: Array) -> Iterator[Reason]:
        """The largest contributions, and the rest as one."""
        order = np.argsort(-np.abs(parts), kind="stable")
        for place, at in enumerate(order[: self.n_reasons], start=1):
            yield OWN_RATING, place, int(rated[at]), float(ratings[at]), float(parts[at])
        rest = order[self.n_reasons :]
        if len(rest):
            yield OTHERS, self.n_reasons + 1, len(rest), NONE, float(parts[rest].sum())

    def _nearest(self, rated: Positions, ratings: Array, item: int) -> Iterator[Reason]:
        if self.unit is None or not self.unit[item].any():
            return
        cosines = self.unit[rated] @ self.unit[item]
        for place, at in enumerate(np.argsort(-cosines, kind="stable")[: self.n_reasons], start=1):
            yield NEAREST, place, int(rated[at]), float(ratings[at]), float(cosines[at])


class _Principal:
    """Users and items on the principal factors.

    Of the vectors X and Y with the items' principal directions V (unit columns), a user's
    coordinates are (x - mean)' (Y - mean)' V; the products with the row of V of an item sum to
    (x - mean) . (y - mean), if all factors are taken.
    """

    def __init__(
        self, sides: Array, projection: Array, users: Array, mean: Array, candidates: Positions
    ) -> None:
        self.sides, self.projection = sides, projection
        self.users, self.mean = users, mean
        self.candidates = candidates

    @classmethod
    def of(
        cls, factors: Factors, own: Factors | None, candidates: Positions, n: int
    ) -> _Principal | None:
        if factors.users is None or own is None or own.users is None:
            return None
        if not n or len(candidates) < 2 or own.users.shape[1] != factors.users.shape[1]:
            return None
        items = factors.items[candidates]
        scores = principal_factors(items, factors.users, n).scores
        if not scores.shape[1]:
            return None
        sides = directions(scores.T).T
        projection = (items - items.mean(axis=0)).T @ sides
        return cls(sides, projection, own.users, factors.users.mean(axis=0), candidates)

    def reasons(self, user: int, item: int) -> Iterator[Reason]:
        row = np.searchsorted(self.candidates, item)
        if row == len(self.candidates) or self.candidates[row] != item:
            return
        products = (self.users[user] - self.mean) @ self.projection * self.sides[row]
        order = np.argsort(-np.abs(products), kind="stable")
        for place, at in enumerate(order[products[order] != 0], start=1):
            yield FACTOR, place, int(at) + 1, NONE, float(products[at])

    def typical(self, factor: int, item: int, n: int) -> Positions:
        """Items that lie furthest on the side of a factor where this one lies, others only."""
        row = np.searchsorted(self.candidates, item)
        side = self.sides[:, factor - 1] * np.sign(self.sides[row, factor - 1])
        order = np.argsort(-side, kind="stable")
        typical: Positions = self.candidates[order[order != row][:n]]
        return typical
