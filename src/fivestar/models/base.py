"""What every model shares: settings, units, fallbacks, prediction, saving without pickle."""

from __future__ import annotations

import copy
import json
import logging
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from safetensors.numpy import save_file
from scipy import sparse

from fivestar.errors import InputError, NoTimes
from fivestar.files import replacing_all
from fivestar.metrics import rmse
from fivestar.models.factors import Factors
from fivestar.models.training import EarlyStopping, History, Measure, Report, Steps, Training
from fivestar.ratings import (
    Context,
    Features,
    Indices,
    Scale,
    Times,
    csr_matrix,
    observed,
    observed_at,
    observed_in_blocks,
)

if TYPE_CHECKING:
    from fivestar.models.solver import UserRegression

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.floating]
BLOCK = 1 << 18
"""Pairs predicted, and ratings summed, at a time: bounds the memory of what is gathered."""
PROBE = 200_000
"""Ratings of train that a learning curve is measured on, at the most."""
DECIMALS = 6
"""Kept of a rating in units: then ratings times any factor are the same in units."""


class Predictions(NamedTuple):
    """Predictions of pairs, and where they are not the model's own."""

    values: NDArray[np.float32]
    """Ratings, always finite."""
    fallback: NDArray[np.bool_]
    """Whether nothing is known of the user or the item."""
    non_finite: NDArray[np.bool_]
    """Whether the model's own score was not finite and a mean stands in."""


class Distribution(Protocol):
    """What a model that knows how sure it is says beside its predictions."""

    @property
    def ratings(self) -> FloatArray:
        """(n_levels,) the possible ratings in rising order, or an even grid on the scale."""

    def probabilities(self, users: Indices, items: Indices) -> NDArray[np.float32]:
        """(n_pairs, n_levels); rows sum to 1."""

    def interval(
        self, users: Indices, items: Indices, coverage: float = 0.9
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Ends, (n_pairs,) each, of an interval that holds at least this fraction of ratings."""


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
    arrays, and implement ``_fit``, and ``_score`` or exact ``_factors``; further ``_fold_in``,
    ``_contributions`` and ``distribution`` where they can. Inside, all is in *units*: a
    quarter of the scale's length, so that a unit is a star on a scale of 1 to 5 and settings
    suit any scale. The public methods take and give ratings.

    Parameters
    ----------
    seed
        Of all random numbers; the same seed and data give the same model.
    clamp
        Whether predictions are kept inside the scale.
    whole_stars
        Whether predictions are rounded to whole numbers.
    bias_fallback
        Whether to predict by the biases alone where all else is no better on the validation
        split.

    Attributes
    ----------
    trained_on
        What the model was trained on, by name: fingerprints, for instance. Set by the caller.
    biases_only
        Whether the model fell back to its biases.
    ends : (2,) lowest and highest rating
    mean : (1,) of all ratings, in units
    user_means, item_means : (n_users,) and (n_items,) in ratings; NaN where there is none
    known_users, known_items : (n_users,) and (n_items,) whether anything is known of them
    train_size : (3,) numbers of users, items and ratings that the model was trained on
    """

    family: ClassVar[str]
    version: ClassVar[int] = 1
    """To be raised, here or in a family, when the same settings and data give other results."""
    uses_times: ClassVar[bool] = False
    """Whether predictions depend on when a rating is given; such a model needs times to fit."""
    uses_weights: ClassVar[bool] = False
    """Whether a rating of weight 2 counts as two."""
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    seed: int = 42
    clamp: bool = True
    whole_stars: bool = False
    bias_fallback: bool = True

    trained_on: dict[str, str] = field(init=False, repr=False, compare=False)
    biases_only: bool = field(init=False, repr=False, compare=False)
    ends: FloatArray = learned(parameter=False)
    mean: FloatArray = learned(parameter=False)
    user_means: FloatArray = learned(parameter=False)
    item_means: FloatArray = learned(parameter=False)
    known_users: NDArray[np.bool_] = learned(parameter=False)
    known_items: NDArray[np.bool_] = learned(parameter=False)
    train_size: NDArray[np.int64] = learned(parameter=False)

    def __post_init__(self) -> None:
        self.trained_on = {}
        self.biases_only = False
        self._biases_instead: Model | None = None

    # -- training

    def fit(
        self,
        train: sparse.csr_array,
        validation: sparse.csr_array | None = None,
        *,
        scale: Scale,
        features: Features | None = None,
        context: Context | None = None,
        validation_context: Context | None = None,
        label: str | None = None,
        max_seconds: float | None = None,
        report: Report | None = None,
    ) -> History:
        """Learn from ``train``; ``validation`` only decides when to stop.

        Parameters
        ----------
        train, validation
            Ratings, users x items: the stored entries. Without validation nothing stops early.
        features
            Side features of users and items, for the models that use them.
        context, validation_context
            Times and weights of the ratings, for the models that use them (``uses_times``,
            ``uses_weights``).
        label
            The name on progress bars and in the log, the family's by default.
        max_seconds
            Longest time that training may take.
        report
            Told the validation RMSE at each measurement; may raise to end training.

        Raises
        ------
        ValueError, FloatingPointError
            If ``train`` holds no rating; if what was learned is not finite.
        NoTimes
            If the model uses times and there are none.
        TooSlow
            If the first steps show that training would take longer than ``max_seconds``.
        """
        if train.nnz == 0:
            raise ValueError("train holds no rating")
        if validation is not None and validation.nnz == 0:
            validation = None
        label = label or self.family
        context, validation_context = context or Context(), validation_context or Context()
        times, validation_times = self._times_of(context), self._times_of(validation_context)
        if self.uses_times and times is None:
            raise NoTimes(
                f"{label} learns from when ratings were given: name the column of the times in "
                "`ingestion.columns.timestamp`, or take the model out."
            )
        weights = self._weights_of(context, label)
        self.ends = np.array([scale.lowest, scale.highest], dtype=np.float64)
        ratings = self._in_units(train)
        self._remember_means(train, ratings, weights)
        if self.biases_only:
            biases = self._bias_model()
            history = biases.fit(train, scale=scale, context=context, label=label)
            self._predict_by(biases)
            return history
        history = self._fit(
            Training(
                ratings=ratings,
                validation=None if validation is None else self._in_units(validation),
                features=features,
                label=label,
                measure=self._measure(train, validation, times, validation_times),
                unit=self.unit,
                times=times,
                weights=weights,
                validation_times=validation_times,
                max_seconds=max_seconds,
                report=report,
            )
        )
        for entry in _learned(self):
            if entry.name not in SHARED and not np.isfinite(getattr(self, entry.name)).all():
                raise FloatingPointError(f"{label}: {entry.name} is not finite after training")
        if validation is not None and self.bias_fallback:
            biases = self._bias_model()
            steps = biases.fit(train, scale=scale, context=context, label=f"{label}: bias")
            return self._better_of_biases(
                biases, history, steps, validation, validation_times, label
            )
        return history

    @abstractmethod
    def _fit(self, training: Training) -> History: ...

    def for_refit(self, history: History) -> Self:
        """The same model, unfitted, to train on all ratings for as long as was found best."""
        again = replace(self)
        again.biases_only = self.biases_only
        if isinstance(again, Steps) and again.stopping is not None and not self.biases_only:
            again.n_steps, again.stopping = history.best_step, None
        return again

    def cost(self, n_users: int, n_items: int, n_ratings: int) -> float:
        """What the time of a fit grows with as users are added; a constant part is left out.

        Multiply-adds of a step, in any unit: what the settings multiply it by does not matter.
        """
        return float(n_ratings)

    def _better_of_biases(
        self,
        biases: Model,
        history: History,
        steps: History,
        validation: sparse.csr_array,
        times: Times | None,
        label: str,
    ) -> History:
        """Fall back to the biases unless all else is better on the validation split.

        Better by more than the difference's standard error: less may be worse on other ratings.
        ``steps`` is the history of the biases.
        """
        users, items, ratings = observed(validation)
        own, of_biases = (
            np.square(model.predict(users, items, times) - ratings, dtype=np.float64)
            for model in (self, biases)
        )
        gain = of_biases - own
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            return history
        error = float(np.sqrt(of_biases.mean()))
        logger.warning(
            "%s: predicts by its biases, validation RMSE %.4f; all else makes it %.4f",
            *(label, error, np.sqrt(own.mean())),
        )
        self._predict_by(biases)
        return History(
            steps=[steps.best_step],
            train_rmse=steps.train_rmse[-1:],
            validation_rmse=[error],
            best_step=steps.best_step,
            ending="biases",
        )

    def _bias_model(self) -> Model:
        from fivestar.models.baselines.bias import Bias  # it is a model itself

        return Bias(clamp=self.clamp, whole_stars=self.whole_stars)

    def _predict_by(self, biases: Model) -> None:
        self.biases_only, self._biases_instead = True, biases
        self.known_users, self.known_items = biases.known_users, biases.known_items

    @property
    def _predictor(self) -> Model:
        """What predicts: the model itself, or the biases that it fell back to."""
        return self._biases_instead or self

    # -- new users

    @property
    def can_fold_in(self) -> bool:
        """Whether ``fold_in`` works."""
        return type(self._predictor)._fold_in is not Model._fold_in

    def fold_in(
        self, ratings: sparse.csr_array, *, features: sparse.csr_array | None = None
    ) -> Self:
        """A model of the same items for other users, found from their ratings.

        Nothing is trained again, and no one's part depends on who else is folded in. Ratings
        of items of which the model knows nothing are left out.

        Parameters
        ----------
        ratings
            (n_users, n_items), on the indices of this model's items.
        features
            Side features, (n_users, n_user_features), for models that use them.

        Returns
        -------
        A new model of these users that shares the arrays of the items. A user without ratings
        counts as known where the model has a prediction for one of whom nothing is known.

        Raises
        ------
        NotImplementedError
            If the model cannot (see ``can_fold_in``).
        ValueError
            If there are no users, or the numbers of items or users do not match.
        """
        if not self.can_fold_in:
            raise NotImplementedError(f"{self.family} cannot fold in users: train it with them")
        n_users, n_items = ratings.shape
        if n_users == 0:
            raise ValueError("no users to fold in")
        if n_items != self.n_items:
            raise ValueError(f"ratings of {n_items} items; the model has {self.n_items}")
        if features is not None and features.shape[0] != n_users:
            raise ValueError(f"ratings of {n_users} users, features of {features.shape[0]}")
        users, items, values = observed(ratings)
        known = self.known_items[items]
        folded = copy.copy(self)
        folded._biases_instead = copy.copy(self._biases_instead)
        folded.user_means, _ = _means(ratings)
        folded.known_users = np.bincount(users[known], minlength=n_users) > 0
        folded.known_users |= self._predictor._predicts_cold_start
        of_known = csr_matrix(users[known], items[known], values[known], ratings.shape)
        folded._predictor._fold_in(self._in_units(of_known), features)
        return folded

    def users_regression(self, ratings: sparse.csr_array) -> UserRegression | None:
        """The ridge regression that ``fold_in`` solves for these users; None of other models.

        It is on the scale of the ratings: a prediction is ``base + design @ x``, before it is
        kept inside the scale. All items have to be known.
        """
        own = self._predictor._users_regression(self._in_units(ratings))
        return None if own is None else own.rescaled(0, self.unit)

    def _users_regression(self, ratings: sparse.csr_array) -> UserRegression | None:
        """In units."""
        return None

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """Set anew all arrays of users, from ratings of known items; change none in place."""
        raise NotImplementedError

    @property
    def _predicts_cold_start(self) -> bool:
        """Whether a user of whom nothing is known gets more than the fallback."""
        return True

    # -- explanation

    @property
    def can_explain(self) -> bool:
        """Whether ``contributions`` works."""
        return self._predictor._explains

    def contributions(
        self, rated_items: Indices, ratings: FloatArray, item: int
    ) -> tuple[float, FloatArray]:
        """What each of a user's ratings adds to their prediction for an item.

        Only for models that predict by sums of (shifted) ratings once the items are given.

        Parameters
        ----------
        rated_items, ratings
            Indices of the items that the user rated, each once, and the ratings.
        item
            Index of an item of which the model knows.

        Returns
        -------
        base : what a user without ratings is predicted
        contributions : (n_ratings,); with the base they sum to the prediction of the user as
            ``fold_in`` would have it, before it is kept inside the scale

        Raises
        ------
        NotImplementedError, ValueError
            If the model cannot (see ``can_explain``); if it knows nothing of the item.
        """
        if not self.can_explain:
            raise NotImplementedError(f"predictions of {self.family} are not a sum over ratings")
        if item < 0 or not self.known_items[item]:
            raise ValueError(f"nothing is known of item {item}")
        contributions = np.zeros(len(ratings))
        order = np.argsort(rated_items)  # as in CSR
        items = rated_items[order]
        order = order[(items >= 0) & self.known_items[items]]
        items, values = rated_items[order], np.asarray(ratings)[order]
        user = csr_matrix(np.zeros_like(items), items, values, (1, self.n_items))
        base, contributions[order] = self._predictor._contributions(self._in_units(user), item)
        return base * self.unit, contributions * self.unit

    @property
    def _explains(self) -> bool:
        return type(self)._contributions is not Model._contributions

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        """Base and contributions of one row of ratings of known items, which may be empty."""
        raise NotImplementedError

    # -- what it has learned

    def factors(self) -> Factors | None:
        """Vectors and biases of users and items; None of a model without such vectors."""
        own = self._predictor._factors()
        return own.times(self.unit) if own is not None and own.in_ratings else own

    def _factors(self) -> Factors | None:
        return None

    def ranking_factors(self) -> Factors | None:
        """Factors whose sums put the items that are known in the order of a user's predictions.

        Those that are not exact do so roughly: the best items are among the first few dozen.
        None of a model without such factors.
        """
        own = self._predictor._ranking_factors()
        return own.times(self.unit) if own is not None and own.exact else own

    def _ranking_factors(self) -> Factors | None:
        own = self._factors()
        return own if own is not None and own.exact and own.users is not None else None

    @property
    def distribution(self) -> Distribution | None:
        """Probabilities of ratings, and intervals; None of a model that has none."""
        return None

    # -- prediction

    def predict(
        self, users: Indices, items: Indices, times: Times | None = None
    ) -> NDArray[np.float32]:
        """Ratings of pairs of indices, always finite; see ``predict_detailed``."""
        return self.predict_detailed(users, items, times).values

    def predict_detailed(
        self, users: Indices, items: Indices, times: Times | None = None
    ) -> Predictions:
        """Predictions of pairs of indices, and where they are a fallback.

        ``times`` are when the ratings are given, in seconds since 1970, for models that use
        them; such a model predicts without (None, or NaN) by what holds at any time.

        The fallback for an unknown user or item (-1, or nothing is known of it), or a score
        that is not finite, is the item's mean in train, else the user's, else the global mean.
        """
        users, items = np.asarray(users), np.asarray(items)
        values = np.empty(len(users), dtype=np.float32)
        known, non_finite = self._knows(users, items), np.zeros(len(users), dtype=np.bool_)
        for start in range(0, len(users), BLOCK):
            block = slice(start, start + BLOCK)
            inside = np.flatnonzero(known[block]) + start
            at = None if times is None else times[inside]
            score = self.unit * self._predictor._score_at(users[inside], items[inside], at)
            values[inside] = score
            non_finite[inside] = ~np.isfinite(score)
        rest = np.flatnonzero(~known | non_finite)
        values[rest] = self._fallback(users[rest], items[rest])
        if self.clamp:
            np.clip(values, *self.ends.tolist(), out=values)
        if self.whole_stars:
            np.rint(values, out=values)
        return Predictions(values, ~known, non_finite)

    def _score_at(self, users: Indices, items: Indices, times: Times | None) -> FloatArray:
        """As ``_score``, given when; a model that uses times overrides it."""
        return self._score(users, items)

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        """Unclamped predictions of known pairs, in units; by the factors where these are exact."""
        factors = self._factors()
        if factors is None or not factors.exact:
            raise NotImplementedError(f"{self.family} has neither _score nor exact factors")
        return factors.of_pairs(users, items)

    def _knows(self, users: Indices, items: Indices) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = (users >= 0) & (items >= 0)
        known &= self.known_users[users] & self.known_items[items]
        return known

    def _fallback(self, users: Indices, items: Indices) -> NDArray[np.float32]:
        values = _at(self.item_means, items)
        values = np.where(np.isnan(values), _at(self.user_means, users), values)
        return np.where(np.isnan(values), self.global_mean, values).astype(np.float32)

    # -- size and units

    @property
    def n_users(self) -> int:
        return len(self.user_means)

    @property
    def n_items(self) -> int:
        return len(self.item_means)

    @property
    def n_parameters(self) -> int:
        """Free parameters, for instance k(n + m) of a factorisation."""
        names = [each.name for each in _learned(self._predictor) if each.metadata["parameter"]]
        return sum(getattr(self._predictor, name).size for name in names)

    @property
    def unit(self) -> float:
        """How many ratings a unit is: a quarter of the scale's length."""
        return float(self.ends[1] - self.ends[0]) / 4

    @property
    def global_mean(self) -> float:
        """Of all ratings of train."""
        return float(self.mean[0]) * self.unit

    @property
    def _ends(self) -> tuple[float, float]:
        """The scale's ends in units."""
        lowest, highest = self.ends.tolist()
        return lowest / self.unit, highest / self.unit

    def _in_units(self, ratings: sparse.csr_array) -> sparse.csr_array:
        values = np.empty(ratings.nnz, dtype=np.float32)
        for start in range(0, ratings.nnz, BLOCK):
            block = slice(start, start + BLOCK)
            exact = ratings.data[block].astype(np.float64) / self.unit
            values[block] = np.round(exact, DECIMALS)
        return sparse.csr_array((values, ratings.indices, ratings.indptr), shape=ratings.shape)

    # -- settings, saving, loading

    @property
    def settings(self) -> dict[str, Any]:
        """The hyper-parameters as plain values."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.init}
        return {
            name: asdict(value) if isinstance(value, EarlyStopping) else value
            for name, value in values.items()
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """All that was learned, by name."""
        return {
            entry.name: np.ascontiguousarray(getattr(self._predictor, entry.name))
            for entry in _learned(self._predictor)
        } | {name: getattr(self, name) for name in SHARED}

    def description(self) -> dict[str, Any]:
        """What ``restore`` needs besides the arrays, as plain values."""
        names = ("family", "version", "settings", "trained_on", "biases_only")
        return {name: getattr(self, name) for name in names}

    def save(self, folder: Path) -> None:
        """Write ``weights.safetensors`` and ``model.json``; nothing in it can run code."""
        text = json.dumps(self.description(), indent=2) + "\n"
        with replacing_all(folder, ["weights.safetensors", "model.json"]) as beside:
            save_file(self.arrays(), beside / "weights.safetensors")
            (beside / "model.json").write_text(text, encoding="utf-8")

    def restore(
        self, arrays: dict[str, np.ndarray], description: dict[str, Any], where: object
    ) -> Self:
        """Take back ``arrays`` and ``description``, which were read from the folder ``where``."""
        self.trained_on, self.biases_only = description["trained_on"], description["biases_only"]
        if self.biases_only:
            self._biases_instead = self._bias_model()
        if missing := [e.name for e in _learned(self._predictor) if e.name not in arrays]:
            raise InputError(
                f"{where}: saved by another version, without {', '.join(missing)}. "
                "Train the model again."
            )
        for name, array in arrays.items():
            setattr(self, name, array)
            setattr(self._predictor, name, array)
        return self

    # -- inside

    def _times_of(self, context: Context) -> Times | None:
        """Of the stored entries, for a model that uses them."""
        return context.times.data if self.uses_times and context.times is not None else None

    def _weights_of(self, context: Context, label: str) -> NDArray[np.float64] | None:
        """Of the stored entries, for a model that uses them; the log names one that does not."""
        if context.weights is None:
            return None
        if not self.uses_weights:
            logger.info("%s: does not use sample weights", label)
            return None
        return context.weights.data

    def _remember_means(
        self,
        train: sparse.csr_array,
        in_units: sparse.csr_array,
        weights: NDArray[np.float64] | None,
    ) -> None:
        mean = in_units.data.mean(dtype=np.float64)
        if weights is not None:
            mean = np.average(in_units.data, weights=weights)
        self.mean = np.array([mean], dtype=np.float32)
        self.user_means, self.item_means = _means(train, weights)
        self.train_size = np.array([*train.shape, train.nnz])
        self.known_users, self.known_items = ~np.isnan(self.user_means), ~np.isnan(self.item_means)

    def _measure(
        self,
        train: sparse.csr_array,
        validation: sparse.csr_array | None,
        times: Times | None,
        validation_times: Times | None,
    ) -> Measure:
        """RMSE of the weights as they are at each call, in ratings."""
        chosen = probe_of(train)
        probe = observed_at(train, chosen)
        probe_times = None if times is None else times[chosen]

        def error(
            users: Indices, items: Indices, ratings: FloatArray, times: Times | None
        ) -> float:
            values, _, non_finite = self.predict_detailed(users, items, times)
            return np.inf if non_finite.any() else rmse(ratings, values)

        given = None if validation is None else (*observed(validation), validation_times)
        return lambda: (error(*probe, probe_times), None if given is None else error(*given))


def probe_of(train: sparse.csr_array) -> Indices:
    """Places of the ratings that a learning curve is measured on."""
    if train.nnz <= PROBE:
        return np.arange(train.nnz)
    return np.random.default_rng(0).choice(train.nnz, PROBE, replace=False)


def _learned(model: Model | type[Model]) -> list[Any]:
    return [entry for entry in fields(model) if entry.metadata.get("learned")]


def _at(means: FloatArray, indices: Indices) -> FloatArray:
    """NaN at -1."""
    at: FloatArray = np.where(indices >= 0, means[indices], np.nan)
    return at


def _means(
    ratings: sparse.csr_array, weights: NDArray[np.float64] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Of each user's and each item's ratings; NaN where there is none."""
    counts, sums = ([np.zeros(n) for n in ratings.shape] for _ in range(2))
    for block, users, items, values in observed_in_blocks(ratings, BLOCK):
        weight = None if weights is None else weights[block]
        weighted = values if weight is None else weight * values
        for side, indices in enumerate((users, items)):
            n = ratings.shape[side]
            counts[side] += np.bincount(indices, weight, minlength=n)
            sums[side] += np.bincount(indices, weighted, minlength=n)
    of_users, of_items = (
        np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
        for total, count in zip(sums, counts, strict=True)
    )
    return of_users.astype(np.float32), of_items.astype(np.float32)


SHARED = frozenset(entry.name for entry in _learned(Model))
"""Names of the learned arrays that every model has."""
