"""Why an item is recommended: own ratings, rated items close to it, factors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fivestar.analysis.embeddings import Embeddings, embeddings_of
from fivestar.analysis.principal_factors import principal_factors
from fivestar.analysis.similarity import directions
from fivestar.models import Model
from fivestar.ratings import Positions

Array = NDArray[np.floating]
Reason = tuple[str, int, int, float, float]
"""Kind, place, what it is, the rating, the value."""

OWN_RATING, OTHERS, NEAREST, FACTOR = "own rating", "other ratings", "nearest", "factor"
REASONS = ["user", "item", "explained", "base", "kind", "place", "reason", "rating", "value"]
NONE = float("nan")


class Explainer:
    """Reasons for the predictions of a model.

    - ``own rating``: what each of the user's ratings adds to the prediction. With the items
      given, a user's part is solved in closed form, and so a prediction is a base and a sum
      over the ratings (``Model.contributions``). That is exact for a user who is folded in.
      A trained user's part was learned beside the items, so ``explained``, the base plus all
      contributions, differs a little from the model's own prediction.
    - ``nearest``: the rated items whose vectors have the highest cosine with the item's.
    - ``factor``: products of the user's and the item's principal factors, that is what lies
      above the average user and the average item.

    A model that cannot tell one of these goes without.

    Parameters
    ----------
    model
        As it was trained.
    candidates
        Positions of the items that may be asked for; factors are those of these items.
    n_reasons
        Of the first two kinds, at the most.
    n_factors
        The strongest ones, at the most.
    people
        The same model with other users, whom the explanations are for.
    """

    def __init__(
        self,
        model: Model,
        candidates: Positions,
        n_reasons: int,
        n_factors: int,
        people: Model | None = None,
    ) -> None:
        self.model = model
        self.n_reasons = n_reasons
        embeddings = embeddings_of(model)
        self.unit = None if embeddings is None else directions(embeddings.items)
        own = embeddings if people is None else embeddings_of(people)
        self.factors = _Factors.of(embeddings, own, candidates, n_factors)

    def explain(
        self, user: int, rated: Positions, stars: Array, items: Positions
    ) -> Iterator[dict[str, object]]:
        """The reasons for each item, as rows of a table with the columns ``REASONS``.

        Parameters
        ----------
        user
            Position.
        rated, stars
            (n_ratings,) positions of the items that the user rated, and how.
        items
            Positions of items to explain.

        Yields
        ------
        ``kind`` and its ``place`` from 1 on; ``reason``: the position of a rated item, with its
        ``rating``, the number of the other ratings, or that of a factor; ``value``: stars, of
        a factor in the model's units, or a cosine; ``explained`` and ``base`` in stars, NaN
        where ratings cannot be told apart.
        """
        for item in items.tolist():
            explained = base = NONE
            reasons: list[Reason] = []
            if self.model.can_explain and self.model.known_items[item]:
                base, parts = self.model.contributions(rated, stars, item)
                explained = base + float(parts.sum())
                reasons += self._own_ratings(rated, stars, parts)
            reasons += self._nearest(rated, stars, item)
            if self.factors is not None:
                products = self.factors.products(user, item)
                order = np.argsort(-np.abs(products), kind="stable")
                reasons += [
                    (FACTOR, place, int(at) + 1, NONE, float(products[at]))
                    for place, at in enumerate(order[products[order] != 0], start=1)
                ]
            for reason in reasons:
                yield dict(zip(REASONS, (user, item, explained, base, *reason), strict=True))

    def typical(self, factor: int, item: int, n: int) -> Positions:
        """Items that lie furthest on the side of a factor where this one lies, others only."""
        assert self.factors is not None
        return self.factors.typical(factor - 1, item, n)

    def _own_ratings(self, rated: Positions, stars: Array, parts: Array) -> Iterator[Reason]:
        """The largest contributions, and the rest as one."""
        order = np.argsort(-np.abs(parts), kind="stable")
        for place, at in enumerate(order[: self.n_reasons], start=1):
            yield OWN_RATING, place, int(rated[at]), float(stars[at]), float(parts[at])
        rest = order[self.n_reasons :]
        if len(rest):
            yield OTHERS, self.n_reasons + 1, len(rest), NONE, float(parts[rest].sum())

    def _nearest(self, rated: Positions, stars: Array, item: int) -> Iterator[Reason]:
        if self.unit is None or not self.unit[item].any():
            return
        cosines = self.unit[rated] @ self.unit[item]
        for place, at in enumerate(np.argsort(-cosines, kind="stable")[: self.n_reasons], start=1):
            yield NEAREST, place, int(rated[at]), float(stars[at]), float(cosines[at])


class _Factors:
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
        self.row = dict(zip(candidates.tolist(), range(len(candidates)), strict=True))

    @classmethod
    def of(
        cls,
        embeddings: Embeddings | None,
        own: Embeddings | None,
        candidates: Positions,
        n: int,
    ) -> _Factors | None:
        if embeddings is None or own is None or embeddings.users is None or own.users is None:
            return None
        if not n or len(candidates) < 2 or own.users.shape[1] != embeddings.users.shape[1]:
            return None
        items = embeddings.items[candidates]
        scores = principal_factors(items, embeddings.users, n).scores
        if not scores.shape[1]:
            return None
        sides = directions(scores.T).T
        projection = (items - items.mean(axis=0)).T @ sides
        return cls(sides, projection, own.users, embeddings.users.mean(axis=0), candidates)

    def products(self, user: int, item: int) -> Array:
        products: Array = (self.users[user] - self.mean) @ self.projection
        return products * self.sides[self.row[item]]

    def typical(self, factor: int, item: int, n: int) -> Positions:
        row = self.row[item]
        side = self.sides[:, factor] * np.sign(self.sides[row, factor])
        order = np.argsort(-side, kind="stable")
        typical: Positions = self.candidates[order[order != row][:n]]
        return typical
