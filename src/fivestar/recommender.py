"""A trained model that knows ids and titles: predictions, recommendations and their reasons."""

from __future__ import annotations

import copy
import difflib
import logging
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from fivestar import models
from fivestar.analysis.explanation import FACTOR, OTHERS, Explainer
from fivestar.analysis.new_user import Given, ItemSearch, read_ratings
from fivestar.analysis.similarity import nearest
from fivestar.analysis.top_n import can_be_recommended, top_n
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.ratings import Positions, TrainingData, csr_matrix

logger = logging.getLogger(__name__)

NEW_USER = "new user"
"""The id of someone who gave none."""
TYPICAL = 3
"""Items that stand for a factor."""
TYPES = {
    **{"user": "str", "rank": "int64", "item": "str", "title": "str", "year": "Int64"},
    **{"prediction": "float32", "low": "float32", "high": "float32", "fallback": "bool"},
    **{"similarity": "float64", "explained": "float64", "base": "float64"},
    **{"kind": "str", "place": "int64", "reason": "str", "reason_title": "str"},
    **{"rating": "float64", "value": "float64"},
}
"""Of all columns of the tables that a recommender makes."""
REASON = ["explained", "base", "kind", "place", "reason", "reason_title", "rating", "value"]
LAYER = re.compile(r"0\d_[a-z_]+")
FITTED = "fitted_on_train"


def load(folder: str | Path) -> Recommender:
    """The recommender of a trained model.

    Parameters
    ----------
    folder
        Of a model, such as ``data/06_models/demo/als``, or ``fitted_on_train`` in there; or of
        a place, such as ``data/06_models/demo`` or ``data/08_reporting/ml-100k/fold-1``: the
        champion of its leaderboard.

    Raises
    ------
    InputError
        If there is no such model, or the training data of its place is not there or is not
        what the model was trained on; with the command that makes it anew.
    """
    folder = Path(os.path.abspath(Path(folder).expanduser()))
    layer = next((f for f in (folder, *folder.parents) if LAYER.fullmatch(f.name)), None)
    if layer is None or layer == folder:
        raise InputError(
            f"{folder}: not the folder of a model or a place. Give one such as "
            "data/06_models/demo/als, or data/06_models/demo for the champion."
        )
    data, place = layer.parent, folder.relative_to(layer)
    if any((folder / file).exists() for file in ("model.json", "failure.json")):
        place = (place.parent if place.name == FITTED else place).parent
        name = folder.relative_to(layer / place).parts[0]
    else:
        name = _champion(data / "08_reporting" / place / "leaderboard.csv", folder)
        folder = data / "06_models" / place / name
    environment, _, fold = place.as_posix().partition("/fold-")
    remake = f"kedro run --env {environment}" + (f" --params fold={fold}" if fold else "")
    if not (folder / "model.json").exists():
        raise InputError(f"{folder}: no trained model. Train it: {remake} --namespaces {name}")
    try:
        prepared = data / "05_model_input" / place
        training_data = TrainingData.load(prepared)
        items = pd.read_parquet(prepared / "items.parquet")
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename}: missing. Make it anew: {remake} --pipelines ingestion,splitting"
        ) from error
    model = models.load(folder)
    if model.trained_on.get("fingerprint") != training_data.fingerprint:
        raise InputError(
            f"{folder}: trained on {model.trained_on.get('place', 'unknown data')}, split "
            f"{model.trained_on.get('fingerprint', 'unknown')[:8]}, but {prepared} holds "
            f"{training_data.title}. Train it anew: {remake} --namespaces {name}"
        )
    return Recommender(name, model, training_data, items)


def _champion(leaderboard: Path, folder: Path) -> str:
    if not leaderboard.exists():
        inside = sorted(file.parent.name for file in folder.glob("*/model.json"))
        raise InputError(
            f"{folder}: no model, and no leaderboard to find the champion in ({leaderboard}). "
            + (f"Models there: {', '.join(inside)}." if inside else "Run `kedro run`.")
        )
    return str(pd.read_csv(leaderboard, usecols=["model"])["model"].iloc[0])


class Recommender:
    """A trained model with the ids, titles and ratings of the data that it was trained on.

    Unknown ids are predicted by the model's counted fallback: the item's mean, else the user's
    mean, else the mean of all ratings. Tables say so in the column ``fallback``, and a warning
    in the log tells how many there are.

    Parameters
    ----------
    name
        The model's.
    model
        Trained on ``data``.
    data
        Train and validation are what users have rated.
    items
        Of the vocabulary, see ``fivestar.ratings.item_table``.
    min_ratings
        Items with fewer are not recommended, and are near nothing.
    coverage
        The probability that the rating lies between ``low`` and ``high``.

    Attributes
    ----------
    trained
        The model as it was trained; ``model`` has other users after ``with_new_users``.
    users : ids of the model's users
    ratings : (n_users, n_items) of the same users
    """

    def __init__(
        self,
        name: str,
        model: Model,
        data: TrainingData,
        items: pd.DataFrame,
        *,
        min_ratings: int = 10,
        coverage: float = 0.9,
    ) -> None:
        if len(items) != data.vocabulary.shape[1] or (items["item"] != data.vocabulary.items).any():
            raise InputError(f"{data.title}: the item table is of other items than the ratings")
        self.name, self.trained, self.data, self.items = name, model, data, items
        self.min_ratings, self.coverage = min_ratings, coverage
        self.model, self.users, self.ratings = model, data.vocabulary.users, data.ratings

    def __repr__(self) -> str:
        n_users, n_items = self.ratings.shape
        return f"<Recommender {self.name}, {self.data.title}: {n_users:,} users, {n_items:,} items>"

    def __deepcopy__(self, memo: object) -> Self:
        return self  # nothing changes it, and Kedro copies what passes from node to node

    # -- predictions

    def predict(self, users: Any, items: Any = None) -> Any:
        """What users would rate items.

        Parameters
        ----------
        users, items
            Ids, one or many of each; or one table with the columns ``user`` and ``item``.

        Returns
        -------
        A number for two ids, an array for many; a table is copied, with ``prediction``, the
        ends of the interval ``low`` and ``high`` (NaN where the model has none), ``fallback``.
        """
        if items is None:
            found = self._predicted(self._users(users["user"]), self._items(users["item"]))
            self._warn(found["fallback"])
            return users.assign(**found)
        users, items = np.broadcast_arrays(_ids(users), _ids(items))
        found = self.model.predict_detailed(self._users(users), self._items(items))
        self._warn(found.fallback)
        return found.values.reshape(users.shape) if users.ndim else float(found.values[0])

    def _predicted(self, users: Positions, items: Positions) -> dict[str, NDArray[Any]]:
        found, distribution = self.model.predict_detailed(users, items), self.model.distribution
        low = high = np.full(len(users), np.nan, dtype=np.float32)
        if distribution is not None:
            low, high = distribution.interval(users, items, self.coverage)
        return {"prediction": found.values, "low": low, "high": high, "fallback": found.fallback}

    def _warn(self, fallback: NDArray[np.bool_]) -> None:
        if fallback.any():
            logger.warning(
                "%s: %s of %s predictions are fallbacks: the user or the item is unknown",
                *(self.name, f"{fallback.sum():,}", f"{len(fallback):,}"),
            )

    # -- lists

    @cached_property
    def candidates(self) -> Positions:
        """Indices of the items that may be recommended; the log says how many are left out."""
        n_ratings = self.items["n_ratings"].to_numpy()
        found, n_rare, n_unknown = can_be_recommended(self.trained, n_ratings, self.min_ratings)
        if not len(found):
            logger.warning(
                "%s: no item has %d ratings, so nothing is recommended: set `min_ratings` to %d "
                "at the most",
                *(self.name, self.min_ratings, n_ratings.max()),
            )
        elif n_rare or n_unknown:
            logger.info(
                "%s: left out %s items with fewer than %d ratings, %s unknown to the model",
                *(self.name, f"{n_rare:,}", self.min_ratings, f"{n_unknown:,}"),
            )
        return found

    def recommend(self, users: ArrayLike, n: int = 10) -> pd.DataFrame:
        """The items with the highest predictions of those that users have not rated.

        Items are ranked by the prediction before it is kept inside the scale. A user without
        ratings gets the items with the highest means.

        Parameters
        ----------
        users
            Ids, one or many.
        n
            Items for each.

        Returns
        -------
        ``user``, ``rank``, ``item``, ``title``, ``year``, ``prediction``, ``low``, ``high``
        and ``fallback``; the best first.
        """
        ids = pd.Index(np.ravel(_ids(users))).unique()
        at = self._users(ids)
        lists = top_n(self.model, at, self._seen[at], self.candidates, n)
        rows, places = np.nonzero(lists >= 0)
        table = self._table(at[rows], lists[rows, places], ids[rows], rank=places + 1)
        if cold := table.loc[table["fallback"], "user"].nunique():
            logger.warning(
                "%s: %s of %s users are unknown: theirs are the items with the highest means",
                *(self.name, f"{cold:,}", f"{len(ids):,}"),
            )
        return table

    def with_new_users(self, ratings: pd.DataFrame | Mapping[str, float]) -> Recommender:
        """A recommender for other users, found from their ratings; nothing is trained again.

        Parameters
        ----------
        ratings
            ``user``, ``item`` (id) and ``rating``; or titles (or ids) with the ratings of one
            user, whose id is ``new user``.

        Raises
        ------
        InputError
            If a title or a rating cannot be used, or the model cannot take in new users.
        """
        if not self.trained.can_fold_in:
            raise InputError(f"{self.name} cannot take in new users without training")
        if isinstance(ratings, Mapping):
            given = [Given(NEW_USER, str(t), str(r), repr(t)) for t, r in ratings.items()]
            ratings = read_ratings(given, self.search, self.data.scale)
        other = copy.copy(self)
        other.__dict__.pop("_seen", None)
        other.users = pd.Index(ratings["user"].unique())
        shape = len(other.users), len(self.items)
        at = other._users(ratings["user"]), self._items(ratings["item"])
        other.ratings = csr_matrix(*at, ratings["rating"].to_numpy(), shape)
        other.model = self.trained.fold_in(other.ratings)
        return other

    def for_new_user(self, ratings: Mapping[str, float], n: int = 10) -> pd.DataFrame:
        """What to recommend to someone new, from titles (or ids) with ratings; as ``recommend``."""
        return self.with_new_users(ratings).recommend(NEW_USER, n)

    # -- items

    @cached_property
    def search(self) -> ItemSearch:
        """Finds items by their titles."""
        return ItemSearch(self.items)

    def similar(self, item: str, n: int = 10) -> pd.DataFrame:
        """The items closest to one, given by title or id, by the cosine of their vectors.

        Returns
        -------
        ``item``, ``title``, ``year`` and ``similarity``, the closest first.
        """
        factors = self.trained.factors()
        if factors is None:
            raise InputError(f"{self.name} has no vectors of items to compare")
        allowed = np.zeros(len(self.items), dtype=bool)
        allowed[self.candidates] = True
        closest, similarity = nearest(factors.items, self._find(item), allowed, n, "cosine")
        return _typed(self._about(closest) | {"similarity": similarity})

    def explain(
        self, users: Any, items: Any = None, *, n_reasons: int = 5, n_factors: int = 3
    ) -> pd.DataFrame:
        """Why a user is predicted what they are for an item.

        Parameters
        ----------
        users, items
            An id, and an id or a title; or one table with the columns ``user`` and ``item``.
        n_reasons
            Own ratings, and rated items that are close, of each item.
        n_factors
            The strongest ones, of each item.

        Returns
        -------
        A row a reason; of two ids ``user``, ``item``, ``title``, ``year`` and ``prediction``,
        of a table its own columns, and then ``explained`` and ``base``, the sum of all
        contributions and what it starts from, missing of models that give none; and the
        reason, the ``place``-th of its ``kind``:

        - ``own rating``: ``reason`` is the item that was rated, ``value`` what this adds;
        - ``other ratings``: what all other own ratings add; ``reason`` is their number;
        - ``nearest``: a rated item, ``value`` the cosine of its vector with the item's;
        - ``factor``: ``reason`` is its number, ``reason_title`` names items that lie on the
          same side of it as the item, ``value`` the product of user and item.
        """
        pairs = users
        if items is not None:
            at = self._users(users), np.array([self._find(str(items), id_first=True)])
            pairs = self._table(*at, pd.Index([str(users)]))
            pairs = pairs.drop(columns=["low", "high", "fallback"])
        explainer = Explainer(self.trained, self.candidates, n_reasons, n_factors, self.model)
        rows = [
            (n, explained, base, kind, place, *self._named(explainer, item, kind, which), *value)
            for n, (user, item) in enumerate(zip(*self._known(pairs), strict=True))
            for explained, base, reasons in [self._reasons(explainer, user, item)]
            for kind, place, which, *value in reasons
        ]
        reasons = pd.DataFrame(rows, columns=["pair", *REASON]).set_index("pair")
        table = pairs.reset_index(drop=True).join(reasons, how="inner").reset_index(drop=True)
        return table.astype({name: TYPES[name] for name in REASON})

    def _reasons(self, explainer: Explainer, user: int, item: int) -> Any:
        own = self.ratings[[user]]
        return explainer.explain(user, own.indices.astype(np.intp), own.data, item)

    def _named(
        self, explainer: Explainer, item: int, kind: str, reason: int
    ) -> tuple[str, str]:
        """What a reason is called, and its title."""
        if kind == OTHERS:
            return str(reason), f"{reason} other ratings"
        if kind == FACTOR:
            typical = explainer.typical(reason, item, TYPICAL)
            return str(reason), "like " + "; ".join(self.items["shown"].iloc[typical])
        return str(self.items["item"].iloc[reason]), str(self.items["shown"].iloc[reason])

    # -- ids and indices

    @cached_property
    def _seen(self) -> sparse.csr_array:
        """The users' ratings, and one row more, at -1, of users who are unknown."""
        own, (n_users, n_items) = self.ratings, self.ratings.shape
        starts = np.append(own.indptr, own.indptr[-1])
        return sparse.csr_array((own.data, own.indices, starts), shape=(n_users + 1, n_items))

    def _users(self, ids: ArrayLike) -> Positions:
        return _indices(self.users, ids)

    def _items(self, ids: ArrayLike) -> Positions:
        return _indices(self.data.vocabulary.items, ids)

    def _find(self, asked: str, *, id_first: bool = False) -> int:
        try:
            at, note = self.search.find(str(asked), id_first=id_first)
        except ValueError as error:
            raise InputError(str(error)) from None
        if note:
            logger.info("%s: %s", self.name, note)
        return at

    def _known(self, pairs: pd.DataFrame) -> tuple[list[int], list[int]]:
        """Indices of the users and items of pairs, which all have to be known."""
        at = self._users(pairs["user"]), self._items(pairs["item"])
        known_ids = {"user": self.users, "item": self.data.vocabulary.items}
        for (column, ids), indices in zip(known_ids.items(), at, strict=True):
            if (indices < 0).any():
                raise InputError(unknown_id(column, str(pairs[column].iloc[indices.argmin()]), ids))
        return at[0].tolist(), at[1].tolist()

    def _about(self, items: Positions) -> dict[str, Any]:
        rows = self.items.iloc[items]
        titles = rows["title"].mask(rows["title"] == "").fillna(rows["item"])
        return {"item": rows["item"], "title": titles, "year": rows["year"]}

    def _table(
        self, users: Positions, items: Positions, ids: pd.Index, **more: Any
    ) -> pd.DataFrame:
        """Pairs with titles and predictions."""
        about = {"user": ids, **more, **self._about(items)}
        return _typed(about | self._predicted(users, items))


def unknown_id(column: str, asked: str, ids: pd.Index) -> str:
    """The sentence that there is no such id, with those that are close."""
    close = difflib.get_close_matches(asked, ids, n=3, cutoff=0.5)
    return f"no such {column}: {asked!r}" + (f" (close: {', '.join(close)})" if close else "")


def _ids(ids: Any) -> NDArray[np.object_]:
    return np.asarray(ids, dtype=object)


def _indices(known: pd.Index, ids: Any) -> Positions:
    indices: Positions = known.get_indexer(pd.Index(np.ravel(_ids(ids))).astype("str"))
    return indices


def _typed(columns: Mapping[str, Any]) -> pd.DataFrame:
    table = pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})
    return table.astype({name: TYPES[name] for name in columns})
