"""A trained model that knows ids and titles: predictions, recommendations and their reasons."""

from __future__ import annotations

import copy
import logging
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from fivestar import models
from fivestar.analysis.explanation import REASON, Explainer
from fivestar.analysis.new_user import Given, ItemSearch, read_ratings
from fivestar.analysis.similarity import nearest
from fivestar.analysis.top_n import can_be_recommended, top_n
from fivestar.errors import InputError, did_you_mean
from fivestar.models import Model, Predictions
from fivestar.names import NAME
from fivestar.ratings import Indices, TrainingData, csr_matrix
from fivestar.ratings.training_data import DESCRIPTION, SHOWN

logger = logging.getLogger(__name__)

NEW_USER = "new user"
"""The id of someone who gave none."""
TYPES = {
    **{"user": "str", "rank": "int64", "item": "str", "title": "str", "year": "Int64"},
    **{"prediction": "float32", "low": "float32", "high": "float32", "fallback": "bool"},
}
"""Of the columns of a table of recommendations."""
LAYER = re.compile(r"0\d_[a-z_]+")


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
    layer = next((above for above in folder.parents if LAYER.fullmatch(above.name)), None)
    if layer is None:
        raise InputError(
            f"{folder}: not the folder of a model or a place. Give one such as "
            "data/06_models/demo/als, or data/06_models/demo for the champion."
        )
    data, place = layer.parent, folder.relative_to(layer)
    if (folder / "model.json").exists():
        place = place.parents[1] if place.name == "fitted_on_train" else place.parent
        name = folder.relative_to(layer / place).parts[0]
    else:
        name = _champion(data / "08_reporting" / place / "leaderboard.csv", folder)
        folder = data / "06_models" / place / name
    environment, _, fold = place.as_posix().partition("/fold-")
    run = f"kedro run --env {environment}" + (f" --params fold={fold}" if fold else "")
    prepared = data / "05_model_input" / place
    for file in (folder / "model.json", prepared / DESCRIPTION, prepared / "items.parquet"):
        if not file.exists():
            raise InputError(f"{file}: missing. Make it anew: {run} --only-missing-outputs")
    try:
        training_data, items = TrainingData.load(prepared), pd.read_parquet(file)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(
            f"{prepared}: not readable ({what}). Make it anew: {run} --only-missing-outputs"
        ) from error
    train = f"Train it anew: {run} --pipelines zoo --namespaces {name}"
    try:
        model = models.load(folder)
    except InputError as error:  # of an earlier version
        raise InputError(f"{folder}: {error} {train}") from error
    if model.trained_on.get("fingerprint") != training_data.fingerprint:
        place_of, split = (model.trained_on.get(key, "") for key in ("place", "fingerprint"))
        raise InputError(
            f"{folder}: trained on {place_of or 'unknown data'}, split {split[:SHOWN]}, but "
            f"{prepared} holds {training_data.title}. {train}"
        )
    return Recommender(name, model, training_data, items)


def _champion(leaderboard: Path, folder: Path) -> str:
    if leaderboard.exists():
        names = pd.read_csv(leaderboard, usecols=["model"])["model"].astype(str)
        name = next(iter(names), "")
        if not NAME.fullmatch(name):
            raise InputError(f"{leaderboard}: {name!r} is no model's name. Run `kedro run` again.")
        return name
    inside = ", ".join(sorted(file.parent.name for file in folder.glob("*/model.json")))
    raise InputError(
        f"{folder}: no trained model, and no champion, for {leaderboard} is missing. "
        + (f"Models in there: {inside}." if inside else "Run `kedro run`, or look at the name.")
    )


class Recommender:
    """A trained model with the ids, titles and ratings of the data that it was trained on.

    Unknown ids are predicted by the model's counted fallback: the item's mean, else the user's
    mean, else the mean of all ratings. Tables say so in the column ``fallback``, and a warning
    in the log tells how many there are.

    Parameters
    ----------
    name, model, data
        A model that was trained on the data, and its name.
    items
        The item table, see ``fivestar.ratings.item_table``.
    min_ratings
        Items with fewer are not recommended.
    coverage
        The probability that the rating lies between ``low`` and ``high``.

    Attributes
    ----------
    trained, model
        As it was trained, and with other users after ``with_new_users``.
    users, ratings
        Ids of the model's users, and what they rated, (n_users, n_items).
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
        if not data.vocabulary.items.equals(pd.Index(items["item"])):
            raise InputError(f"{data.title}: the item table is of other items than the ratings")
        self.name, self.trained, self.data, self.items = name, model, data, items
        self.min_ratings, self.coverage = min_ratings, coverage
        self.model, self.users, self.ratings = model, data.vocabulary.users, data.ratings
        self._explainers: dict[tuple[int, int], Explainer] = {}

    def __repr__(self) -> str:
        n_users, n_items = self.ratings.shape
        return f"<Recommender {self.name}, {self.data.title}: {n_users:,} users, {n_items:,} items>"

    def __deepcopy__(self, memo: object) -> Self:
        return self  # nothing changes it, and Kedro copies what passes from node to node

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
            return users.assign(**self.predict_columns(users["user"], users["item"]))
        users, items = np.broadcast_arrays(*(np.asarray(ids, object) for ids in (users, items)))
        at = self._users_at(users), self._items_at(items)
        values = self._warned(self.model.predict_detailed(*at)).values
        return values.reshape(users.shape) if users.ndim else float(values[0])

    def predict_columns(self, users: ArrayLike, items: ArrayLike) -> dict[str, NDArray[Any]]:
        """What ``predict`` adds to a table of these users and items, (n_pairs,) each, by name.

        A list has to hold texts; it is the fast way for few pairs.
        """
        at = self._users_at(users), self._items_at(items)
        return self._columns(self._warned(self.model.predict_detailed(*at)), *at)

    def recommend(self, users: ArrayLike, n: int = 10) -> pd.DataFrame:
        """The n items with the highest predictions that users, one or many, have not rated.

        Items are ranked by the prediction before it is kept inside the scale. An unknown user
        gets the items with the highest means.

        Returns
        -------
        ``user``, ``rank``, ``item``, ``title``, ``year``, ``prediction``, ``low``, ``high``
        and ``fallback``; the best first.
        """
        ids = _as_index(users).unique()
        at = self._users_at(ids)
        lists = top_n(self.model, at, self._seen[at], self.candidates, n)
        rows, places = np.nonzero(lists >= 0)
        table = self._table(ids[rows], at[rows], lists[rows, places], rank=places + 1)
        if cold := table.loc[table["fallback"], "user"].nunique():
            logger.warning(
                "%s: %s of %s users are unknown: theirs are the items with the highest means",
                *(self.name, f"{cold:,}", f"{len(ids):,}"),
            )
        return table

    def for_new_user(self, ratings: Mapping[str, float], n: int = 10) -> pd.DataFrame:
        """What to recommend to someone new, from titles (or ids) with ratings; as ``recommend``."""
        return self.with_new_users(ratings).recommend(NEW_USER, n)

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
            places = NEW_USER, NEW_USER
            given = [Given(NEW_USER, str(t), str(r), places) for t, r in ratings.items()]
            ratings = read_ratings(given, self.search, self.data.scale)
        other = copy.copy(self)
        for of_users in ("_seen", "_user_index"):
            other.__dict__.pop(of_users, None)
        other._explainers = {}
        other.users = pd.Index(ratings["user"].unique())
        at = other._users_at(ratings["user"]), self._items_at(ratings["item"])
        shape = len(other.users), len(self.items)
        other.ratings = csr_matrix(*at, ratings["rating"].to_numpy(), shape)
        other.model = self.trained.fold_in(other.ratings)
        return other

    def similar(self, item: str, n: int = 10) -> pd.DataFrame:
        """The items closest to one, given by title or id, by the cosine of their vectors.

        Returns
        -------
        ``item``, ``title``, ``year`` and ``similarity``, the closest first.
        """
        factors = self.trained.factors()
        if factors is None:
            raise InputError(f"{self.name} has no vectors of items to compare")
        allowed = np.isin(np.arange(len(self.items)), self.candidates)
        closest, similarity = nearest(factors.items, self._find(item), allowed, n, "cosine")
        return self._about(closest).assign(similarity=similarity)

    def explain(
        self, users: Any, items: Any = None, *, n_reasons: int = 5, n_factors: int = 3
    ) -> pd.DataFrame:
        """Why a user is predicted what they are for an item.

        Parameters
        ----------
        users, items
            An id, and an id or a title; or one table with the columns ``user`` and ``item``.
        n_reasons, n_factors
            At the most: own ratings, and as many close items; and factors, the strongest.

        Returns
        -------
        A row a reason, see ``Explainer`` for their kinds: the columns of the table (of two ids
        ``user``, ``item``, ``title``, ``year``, ``prediction``); ``explained`` and ``base``, the
        sum of all contributions and what it starts from, missing of models that give none; the
        ``kind`` and its ``place``; ``reason`` and ``reason_title``, the id and title of a rated
        item, the number of other ratings, or that of a factor and items like it; the ``rating``;
        and the ``value``: what it adds, a cosine, or the product of user and item.
        """
        pairs = users
        if items is not None:
            item, ids = np.array([self._find(items, id_first=True)]), _as_index(users)
            pairs = self._table(ids, self._users_at(ids), item)
            pairs = pairs.drop(columns=["low", "high", "fallback"])
        known = {"user": self.users, "item": self.data.vocabulary.items}
        at = [self._users_at(pairs["user"]), self._items_at(pairs["item"])]
        for (column, ids), indices in zip(known.items(), at, strict=True):
            if (indices < 0).any():
                asked = str(pairs[column].iloc[indices.argmin()])
                raise InputError(f"no such {column}: {asked!r}. {did_you_mean(asked, ids, n=3)}")
        explainer = self._explainers.get((n_reasons, n_factors))
        if explainer is None:  # principal factors take a second where vectors are long
            of = self.trained, self.items, self.candidates
            explainer = Explainer(*of, n_reasons, n_factors, self.model)
            self._explainers[n_reasons, n_factors] = explainer
        rows = [
            (n, *reason)
            for n, (user, item) in enumerate(zip(*at, strict=True))
            for reason in explainer.explain(user, item, self.ratings[[user]])
        ]
        reasons = pd.DataFrame(rows, columns=["pair", *REASON]).set_index("pair").astype(REASON)
        table: pd.DataFrame = pairs.reset_index(drop=True).join(reasons, how="inner")
        return table.reset_index(drop=True)

    # -- inside

    @cached_property
    def candidates(self) -> Indices:
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

    @cached_property
    def search(self) -> ItemSearch:
        """Finds items by their titles."""
        return ItemSearch(self.items)

    @cached_property
    def _seen(self) -> sparse.csr_array:
        """The users' ratings, and one row more, at -1, of users who are unknown."""
        own, (n_users, n_items) = self.ratings, self.ratings.shape
        starts = np.append(own.indptr, own.indptr[-1])
        return sparse.csr_array((own.data, own.indices, starts), shape=(n_users + 1, n_items))

    @cached_property
    def _user_index(self) -> pd.Index:
        return self.users.astype(object)  # in which a few ids are found ten times as fast

    @cached_property
    def _item_index(self) -> pd.Index:
        return self.data.vocabulary.items.astype(object)

    def _users_at(self, ids: Any) -> Indices:
        return self._user_index.get_indexer(_texts(ids))

    def _items_at(self, ids: Any) -> Indices:
        return self._item_index.get_indexer(_texts(ids))

    def _find(self, asked: Any, *, id_first: bool = False) -> int:
        try:
            at, note = self.search.find(str(asked), id_first=id_first)
        except ValueError as error:
            raise InputError(str(error)) from None
        if note:
            logger.info("%s: %s", self.name, note)
        return at

    def _columns(
        self, found: Predictions, users: Indices, items: Indices
    ) -> dict[str, NDArray[Any]]:
        distribution = self.model.distribution
        low = high = np.full(len(users), np.nan, dtype=np.float32)
        if distribution is not None:
            low, high = distribution.interval(users, items, self.coverage)
        return {"prediction": found.values, "low": low, "high": high, "fallback": found.fallback}

    def _warned(self, found: Predictions) -> Predictions:
        for wrong, why in (
            (found.fallback, "fallbacks: the user or the item is unknown"),
            (found.non_finite, "means: the model's own are not finite"),
        ):
            if n := int(wrong.sum()):
                n_all = f"{len(wrong):,}"
                logger.warning("%s: %s of %s predictions are %s", self.name, f"{n:,}", n_all, why)
        return found

    def _about(self, items: Indices) -> pd.DataFrame:
        """Ids, titles (ids where there are none) and years."""
        table = self.items.iloc[items].reset_index(drop=True)
        table["title"] = table["title"].mask(table["title"] == "").fillna(table["item"])
        return table[["item", "title", "year"]]

    def _table(self, ids: pd.Index, users: Indices, items: Indices, **columns: Any) -> pd.DataFrame:
        """Pairs with titles and predictions."""
        found = self._columns(self.model.predict_detailed(users, items), users, items)
        table = self._about(items).assign(user=ids, **columns, **found)
        types = {name: dtype for name, dtype in TYPES.items() if name in table}
        return table[list(types)].astype(types)


def _as_index(ids: Any) -> pd.Index:
    """Ids as text, whatever they were."""
    index: pd.Index = pd.Index(np.ravel(np.asarray(ids, dtype=object))).astype("str")
    return index


def _texts(ids: Any) -> pd.Index:
    """Ids as Python's own texts; a list has to hold some already."""
    return pd.Index(ids if isinstance(ids, list) else _as_index(ids), dtype=object)
