"""What every model shares: settings, fallbacks, prediction, saving without pickle."""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from safetensors.numpy import load_file, save_file
from scipy import sparse

from fivestar.files import replacing
from fivestar.metrics import rmse
from fivestar.models.training import History, Measure
from fivestar.ratings import Features, Positions, Scale, csr_matrix, observed

FloatArray = NDArray[np.floating]
BLOCK = 1 << 18
"""Pairs predicted at a time: bounds the memory of the gathered factors."""
PROBE = 200_000
"""Ratings of train that a learning curve is measured on, at the most."""


def learned(*, parameter: bool = True) -> Any:
    """Declare an array that ``fit`` sets: saved and loaded with the model.

    ``parameter=False`` marks what is derived from data or other weights and is not counted
    among the model's free parameters.
    """
    return field(
        init=False, repr=False, compare=False, metadata={"learned": True, "parameter": parameter}
    )


@dataclass(kw_only=True)
class Model(ABC):
    """A rating predictor: settings first, learned arrays after ``fit``.

    Subclasses are dataclasses that name their ``family``, add their settings and ``learned``
    arrays, and implement ``_fit`` and ``_score``; ``_fold_in``, if new people can be added.

    Parameters
    ----------
    seed
        Of all random numbers; the same seed and data give the same model.
    clamp
        Whether predictions are kept inside the scale.
    whole_stars
        Whether predictions are rounded to whole numbers.

    Attributes
    ----------
    features : side features, during ``fit`` only
    ends : (2,) lowest and highest star
    global_mean : (1,) stars
    user_means, item_means : (n_users,) and (n_items,) stars; NaN where there is no rating
    known_users, known_items : (n_users,) and (n_items,) whether anything is known of them
    train_size : (3,) numbers of users, items and ratings that the model was trained on
    """

    family: ClassVar[str]
    families: ClassVar[dict[str, type[Model]]] = {}
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    seed: int = 42
    clamp: bool = True
    whole_stars: bool = False

    features: Features | None = field(default=None, init=False, repr=False, compare=False)
    ends: FloatArray = learned(parameter=False)
    global_mean: FloatArray = learned(parameter=False)
    user_means: FloatArray = learned(parameter=False)
    item_means: FloatArray = learned(parameter=False)
    known_users: NDArray[np.bool_] = learned(parameter=False)
    known_items: NDArray[np.bool_] = learned(parameter=False)
    train_size: NDArray[np.int64] = learned(parameter=False)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "family" in cls.__dict__:
            Model.families[cls.family] = cls

    # -- training

    def fit(
        self,
        train: sparse.csr_array,
        validation: sparse.csr_array | None = None,
        *,
        scale: Scale,
        features: Features | None = None,
        label: str | None = None,
    ) -> History:
        """Learn from ``train``; ``validation`` only decides when to stop.

        Parameters
        ----------
        train, validation
            Scores, users x items, stored entries are the ratings. ``validation`` may be
            empty or None: then nothing stops early.
        scale
            The ends of the stars.
        features
            Side features of users and items, for the models that use them.
        label
            The name on progress bars and in the log, the family's by default.

        Raises
        ------
        ValueError
            If ``train`` holds no rating.
        """
        if train.nnz == 0:
            raise ValueError("train holds no rating")
        if validation is not None and validation.nnz == 0:
            validation = None
        self.ends = np.array([scale.lowest, scale.highest], dtype=np.float32)
        self._remember_means(train)
        self.features = features
        try:
            return self._fit(train, validation, label or self.family)
        finally:
            self.features = None

    @abstractmethod
    def _fit(
        self, train: sparse.csr_array, validation: sparse.csr_array | None, label: str
    ) -> History: ...

    def for_refit(self, history: History) -> Self:
        """The same model, unfitted, to train on all ratings for as long as was found best."""
        return replace(self)

    def curve(self, train: sparse.csr_array, validation: sparse.csr_array | None) -> Measure:
        """Measure for the training loop: RMSE of the weights as they are at each call."""
        on_train = self._rmse_on(train)
        on_validation = None if validation is None else self._rmse_on(validation, at_most=None)
        return lambda: (on_train(), None if on_validation is None else on_validation())

    # -- new people

    @property
    def can_fold_in(self) -> bool:
        """Whether ``fold_in`` works."""
        return type(self)._fold_in is not Model._fold_in

    def fold_in(
        self, ratings: sparse.csr_array, *, features: sparse.csr_array | None = None
    ) -> Self:
        """A model of the same items for other people, found from their ratings.

        Nothing is trained again, and no one's part depends on who else is folded in. Ratings
        of items of which the model knows nothing are left out.

        Parameters
        ----------
        ratings
            Stars, (n_people, n_items), on the positions of this model's items.
        features
            Side features of the people, (n_people, n_user_features), for models that use them.

        Returns
        -------
        A new model whose users 0, ..., n_people - 1 are these people; it shares the arrays of
        the items. Someone without ratings counts as known where the model has a prediction
        for a person of whom nothing is known (the mean and the item's bias, for instance).

        Raises
        ------
        NotImplementedError
            If the model cannot (see ``can_fold_in``).
        ValueError
            If there are no people, or the numbers of items or people do not match.
        """
        if not self.can_fold_in:
            raise NotImplementedError(f"{self.family} cannot fold in people: train it with them")
        if missing := [entry.name for entry in _learned(self) if not hasattr(self, entry.name)]:
            raise ValueError(f"this model was saved without {', '.join(missing)}: train it again")
        n_people, n_items = ratings.shape
        if n_people == 0:
            raise ValueError("no people to fold in")
        if n_items != len(self.item_means):
            raise ValueError(f"ratings of {n_items} items; the model has {len(self.item_means)}")
        if features is not None and features.shape[0] != n_people:
            raise ValueError(f"ratings of {n_people} people, features of {features.shape[0]}")
        users, items, stars = observed(ratings)
        known = self.known_items[items]
        folded = copy.copy(self)
        folded.user_means = _means(users, stars, n_people)
        folded.known_users = np.bincount(users[known], minlength=n_people) > 0
        folded.known_users |= self._predicts_for_strangers
        folded._fold_in(
            csr_matrix(users[known], items[known], stars[known], ratings.shape), features
        )
        return folded

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Set anew all arrays of users, from ratings of known items; change none in place."""
        raise NotImplementedError

    @property
    def _predicts_for_strangers(self) -> bool:
        """Whether a person of whom nothing is known gets more than the fallback."""
        return True

    # -- explanation

    @property
    def can_explain(self) -> bool:
        """Whether ``contributions`` works."""
        return False

    def contributions(
        self, ratings_items: Positions, ratings: FloatArray, item: int
    ) -> tuple[float, FloatArray]:
        """What each of a person's ratings adds to their prediction for an item.

        Only for models that predict by sums of (shifted) ratings once the items are given.

        Parameters
        ----------
        ratings_items, ratings
            Positions of the items that the person rated, each once, and the stars.
        item
            Position of an item of which the model knows.

        Returns
        -------
        base : what a person without ratings is predicted, stars
        contributions : (n_ratings,) stars; with the base they sum to the prediction of the
            person as ``fold_in`` would have it, before it is kept inside the scale

        Raises
        ------
        NotImplementedError
            If the model cannot (see ``can_explain``).
        ValueError
            If the model knows nothing of the item, whose prediction is a fallback.
        """
        raise NotImplementedError(f"predictions of {self.family} are not a sum over ratings")

    # -- prediction

    def predict(self, users: Positions, items: Positions) -> NDArray[np.float32]:
        """Stars for each pair of positions; -1 or an id of which nothing is known falls back.

        Returns
        -------
        (n_pairs,) float32, always finite.
        """
        return self.predict_or_fall_back(users, items)[0]

    def predict_or_fall_back(
        self, users: Positions, items: Positions
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Predictions, and where they are a fallback.

        The fallback for an unknown user or item is the item's mean in train, else the user's
        mean, else the global mean.
        """
        users, items = np.asarray(users), np.asarray(items)
        prediction = self._fallback(users, items)
        known = self._knows(users, items)
        for start in range(0, len(users), BLOCK):
            block = slice(start, start + BLOCK)
            inside = np.flatnonzero(known[block]) + start
            score = self._score(users[inside], items[inside])
            finite = np.isfinite(score)
            prediction[inside[finite]] = score[finite]
            known[inside[~finite]] = False
        if self.clamp:
            np.clip(prediction, self.ends[0], self.ends[1], out=prediction)
        if self.whole_stars:
            np.rint(prediction, out=prediction)
        return prediction, ~known

    @abstractmethod
    def _score(self, users: Positions, items: Positions) -> FloatArray:
        """Unclamped stars of known pairs."""

    def _knows(self, users: Positions, items: Positions) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = (users >= 0) & (items >= 0)
        known &= self.known_users[users] & self.known_items[items]
        return known

    def _fallback(self, users: Positions, items: Positions) -> NDArray[np.float32]:
        stars = _at(self.item_means, items)
        stars = np.where(np.isnan(stars), _at(self.user_means, users), stars)
        return np.where(np.isnan(stars), self.global_mean, stars).astype(np.float32)

    # -- size, saving, loading

    @property
    def n_parameters(self) -> int:
        """Free parameters, for instance k(n + m) of a factorisation."""
        return sum(
            getattr(self, entry.name).size
            for entry in _learned(self)
            if entry.metadata["parameter"]
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The hyper-parameters as plain values."""
        names = [entry.name for entry in fields(self) if entry.init]
        values = {name: getattr(self, name) for name in names}
        return {
            name: asdict(v) if hasattr(v, "__dataclass_fields__") else v
            for name, v in values.items()
        }

    def save(self, folder: Path) -> None:
        """Write ``weights.safetensors``, then ``model.json``; nothing in it can run code."""
        arrays = {
            entry.name: np.ascontiguousarray(getattr(self, entry.name)) for entry in _learned(self)
        }
        with replacing(folder / "weights.safetensors") as path:
            save_file(arrays, path)
        description = {"family": self.family, "settings": self.settings}
        text = json.dumps(description, indent=2) + "\n"
        with replacing(folder / "model.json") as path:
            path.write_text(text, encoding="utf-8")

    def restore(self, folder: Path) -> Self:
        """Read the learned arrays that ``save`` wrote."""
        for name, array in load_file(folder / "weights.safetensors").items():
            setattr(self, name, array)
        if not hasattr(self, "known_users"):  # saved before people could be folded in
            self._know_those_with_ratings()
        return self

    # -- inside

    def _remember_means(self, train: sparse.csr_array) -> None:
        users, items, ratings = observed(train)
        self.global_mean = np.array([ratings.mean(dtype=np.float64)], dtype=np.float32)
        self.user_means = _means(users, ratings, train.shape[0])
        self.item_means = _means(items, ratings, train.shape[1])
        self.train_size = np.array([*train.shape, train.nnz])
        self._know_those_with_ratings()

    def _know_those_with_ratings(self) -> None:
        self.known_users, self.known_items = ~np.isnan(self.user_means), ~np.isnan(self.item_means)

    def _rmse_on(self, part: sparse.csr_array, at_most: int | None = PROBE) -> Callable[[], float]:
        users, items, ratings = observed(part)
        if at_most is not None and len(ratings) > at_most:
            chosen = np.random.default_rng(0).choice(len(ratings), at_most, replace=False)
            users, items, ratings = users[chosen], items[chosen], ratings[chosen]
        return lambda: rmse(ratings, self.predict(users, items))


def _learned(model: Model) -> list[Any]:
    return [entry for entry in fields(model) if entry.metadata.get("learned")]


def _at(means: FloatArray, positions: Positions) -> FloatArray:
    """Means at positions, NaN at -1."""
    at: FloatArray = np.where(positions >= 0, means[positions], np.nan)
    return at


def _means(positions: Positions, ratings: FloatArray, n: int) -> FloatArray:
    counts = np.bincount(positions, minlength=n)
    sums = np.bincount(positions, ratings, minlength=n)
    means: FloatArray = np.divide(sums, counts, out=np.full(n, np.nan), where=counts > 0)
    return means.astype(np.float32)
