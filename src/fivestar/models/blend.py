"""Several models together, weighted by how well they predict ratings held out from them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from annotated_types import Ge, Len
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.registry import build
from fivestar.models.stacking import (
    Trees,
    combine,
    non_negative_weights,
    ridge_weights,
)
from fivestar.models.training import History, Training
from fivestar.ratings import (
    Context,
    Indices,
    Scale,
    Times,
    csr_matrix,
    observed,
    with_values,
)

logger = logging.getLogger(__name__)

MIN_DEVIATION = 1e-9
"""Of numbers of ratings that are all the same."""

Array = NDArray[np.floating]
Result = TypeVar("Result")


@dataclass(kw_only=True)
class Blend(Model):
    r"""Stacking: a regression on the predictions that models make of ratings held out from them.

    The training ratings are dealt into folds at random. Every member predicts each fold after
    training on the others, so every rating has a row p of predictions made without it, and

        r_ui ~ mu + w_0 + sum_m w_m (p_m - mu)

    is fitted on these rows. (Wolpert, "Stacked generalization", 1992; Breiman, "Stacked
    regressions", 1996.) Where the weights are free, each is linear in the logarithms of the
    numbers of ratings of the user and of the item (Sill et al., "Feature-weighted linear
    stacking", 2009). The members that predict are then trained on all training ratings.

    Parameters
    ----------
    members
        Blocks of the models, family and settings, by name; in ``parameters_models.yml`` a list
        of names will do.
    n_folds
        Into which the training ratings are dealt.
    method
        ``ridge``: free weights; ``non_negative``: none below 0, and the same for all ratings;
        ``trees``: boosted trees on what the ridge leaves, from the predictions, their standard
        deviation and the numbers of ratings.

    Attributes
    ----------
    models
        The members by name, trained; they predict units.
    histories
        Of the members' training on train, by name.
    weights : (1 + n_members, 3) of the constant and of the members' predictions: at the usual
        numbers of ratings, and the changes with the user's and with the item's number
    user_activity, item_activity : (n_users,) and (n_items,) log(1 + number of ratings)
    out_of_fold_rmse : (n_members,) of each member alone, in units; 0 where ratings are too few
    activity_means, activity_deviations : (2,) of users and of items, over ratings
    tree_features, tree_thresholds, tree_children, tree_values : see ``stacking.Trees``
    """

    family: ClassVar[str] = "blend"
    uses_weights: ClassVar[bool] = True

    members: Annotated[dict[str, dict[str, Any]], Len(1)]
    n_folds: Annotated[int, Ge(2)] = 5
    method: Literal["ridge", "non_negative", "trees"] = "ridge"

    models: dict[str, Model] = field(init=False, repr=False, compare=False)
    histories: dict[str, History] = field(init=False, repr=False, compare=False)
    weights: FloatArray = learned()
    out_of_fold_rmse: FloatArray = learned(parameter=False)
    user_activity: FloatArray = learned(parameter=False)
    item_activity: FloatArray = learned(parameter=False)
    activity_means: FloatArray = learned(parameter=False)
    activity_deviations: FloatArray = learned(parameter=False)
    tree_features: NDArray[np.int32] = learned()
    tree_thresholds: NDArray[np.float32] = learned()
    tree_children: NDArray[np.int32] = learned()
    tree_values: NDArray[np.float32] = learned()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.models = {name: build(block, name, "members.") for name, block in self.members.items()}
        self.histories = {}

    @property
    def uses_times(self) -> bool:  # type: ignore[override]
        """Whether one of the members does."""
        return any(model.uses_times for model in self.models.values())

    @property
    def member_weights(self) -> dict[str, float]:
        """By name: how far a member's prediction moves the blend's, at usual numbers of ratings."""
        return dict(zip(self.members, self.weights[1:, 0].tolist(), strict=True))

    # -- training

    def _fit(self, training: Training) -> History:
        learns = not self.histories
        if learns:
            self._fit_members(training)
            self._learn_weights(training)
        else:
            _in_parallel([self._job(model, training, name) for name, model in self.models.items()])
        self.user_activity, self.item_activity = _activity(training.ratings)
        self._remember_known()
        history = training.once()
        if learns:
            told = ", ".join(
                f"{name} {weight:+.2f}" for name, weight in self.member_weights.items()
            )
            logger.info("%s: weights %s", training.label, told)
        return history

    def _fit_members(self, training: Training) -> None:
        """On all of train, each stopping early by itself."""
        jobs = [self._job(model, training, name, True) for name, model in self.models.items()]
        self.histories = dict(zip(self.models, _in_parallel(jobs), strict=True))

    def _learn_weights(self, training: Training) -> None:
        """From predictions out of fold, trained for as long as was best on all of train."""
        users, items, ratings = observed(training.ratings)
        n = len(ratings)
        if n < self.n_folds:
            self._weigh_equally()
            return
        fold_of = np.random.default_rng(self.seed).permutation(n) % self.n_folds
        predictions, activity = np.empty((n, len(self.models))), np.empty((n, 2))
        jobs, places = [], []
        for fold in range(self.n_folds):
            held_out, rest = fold_of == fold, _part(training, fold_of != fold)
            at = None if training.times is None else training.times[held_out]
            pairs = users[held_out], items[held_out]
            of_users, of_items = _activity(rest.ratings)
            activity[held_out] = np.stack([of_users[pairs[0]], of_items[pairs[1]]], axis=1)
            for column, name in enumerate(self.models):
                jobs.append(self._out_of_fold(name, rest, f"{name}, fold {fold + 1}", *pairs, at))
                places.append((held_out, column))
        for place, predicted in zip(places, _in_parallel(jobs), strict=True):
            predictions[place] = predicted
        self.activity_means = activity.mean(axis=0)
        self.activity_deviations = np.maximum(activity.std(axis=0), MIN_DEVIATION)
        self._regress(predictions, self._standardised(*activity.T), ratings.astype(np.float64))

    def _out_of_fold(
        self,
        name: str,
        rest: Training,
        label: str,
        users: Indices,
        items: Indices,
        at: Times | None,
    ) -> Callable[[], NDArray[np.float32]]:
        """Trains a member anew and predicts, when it is called; the model is not kept."""

        def predict() -> NDArray[np.float32]:
            model = self.models[name].for_refit(self.histories[name])
            self._job(model, rest, label)()
            return model.predict(users, items, at)

        return predict

    def _weigh_equally(self) -> None:
        """The mean of the members, where there are too few ratings to learn from."""
        self.activity_means, self.activity_deviations = np.zeros(2), np.ones(2)
        self.weights = np.zeros((1 + len(self.models), 3))
        self.weights[1:, 0] = 1 / len(self.models)
        self.out_of_fold_rmse = np.zeros(len(self.models))
        self._set_trees(Trees.none())

    def _standardised(self, of_users: Array, of_items: Array) -> Array:
        """(n, 2) activity of pairs, as over the ratings that the weights were learned from."""
        activity: Array = np.stack([of_users, of_items], axis=1) - self.activity_means
        return activity / self.activity_deviations

    def _regress(self, predictions: Array, activity: Array, ratings: Array) -> None:
        mean = float(self.mean[0])
        errors = np.square(predictions - ratings[:, None])
        self.out_of_fold_rmse = np.sqrt(errors.mean(axis=0))
        if self.method == "non_negative":
            self.weights = non_negative_weights(predictions, ratings, mean)
        else:
            self.weights = ridge_weights(predictions, activity, ratings, mean)
        trees = Trees.none()
        if self.method == "trees":
            combined = combine(predictions, activity, self.weights, mean)
            columns = _columns(predictions, activity, combined)
            trees = Trees.fit(columns, ratings - combined, self.seed)
        self._set_trees(trees)

    def _set_trees(self, trees: Trees) -> None:
        for name, values in asdict(trees).items():
            setattr(self, f"tree_{name}", values)

    def _job(
        self, model: Model, training: Training, name: str, stops: bool = False
    ) -> Callable[[], History]:
        """Fits a member, in units, when it is called."""
        validation = training.validation if stops else None
        seconds = training.max_seconds
        return lambda: model.fit(
            training.ratings,
            validation,
            scale=Scale(*self._ends),
            features=training.features,
            context=_context(training.ratings, times=training.times, weights=training.weights),
            validation_context=None
            if validation is None
            else _context(validation, times=training.validation_times),
            label=f"{training.label}: {name}",
            max_seconds=None if seconds is None else seconds / (1 + self.n_folds),
        )

    def for_refit(self, history: History) -> Self:
        """The same members, each trained for as long as was best, under the same weights."""
        again = replace(self)
        again.biases_only = self.biases_only
        if self.biases_only:
            return again
        again.models = {
            name: model.for_refit(self.histories[name]) for name, model in self.models.items()
        }
        again.histories = self.histories
        for name in _LEARNED_OUT_OF_FOLD:
            setattr(again, name, getattr(self, name))
        return again

    def _remember_known(self) -> None:
        for model in self.models.values():
            self.known_users = self.known_users | model.known_users
            self.known_items = self.known_items | model.known_items

    # -- prediction

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        return self._combined(users, items, None)

    def _score_at(self, users: Indices, items: Indices, times: Times | None) -> FloatArray:
        return self._combined(users, items, times) if self.uses_times else self._score(users, items)

    def _combined(self, users: Indices, items: Indices, times: Times | None) -> FloatArray:
        predictions = np.stack(
            [model.predict(users, items, times) for model in self.models.values()], axis=1
        ).astype(np.float64)
        activity = self._standardised(self.user_activity[users], self.item_activity[items])
        combined = combine(predictions, activity, self.weights, float(self.mean[0]))
        trees = Trees(*(getattr(self, name) for name in _TREES))
        return combined + trees.predict(_columns(predictions, activity, combined))

    @property
    def can_fold_in(self) -> bool:
        """Whether every member can."""
        if self.biases_only:
            return super().can_fold_in
        return all(model.can_fold_in for model in self.models.values())

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.models = {
            name: model.fold_in(ratings, features=features) for name, model in self.models.items()
        }
        self.user_activity, _ = _activity(ratings)

    @property
    def n_parameters(self) -> int:
        """Those of the members, and the weights."""
        if self.biases_only:
            return super().n_parameters
        members = sum(model.n_parameters for model in self.models.values())
        return members + self.weights.size + self.tree_values.size

    # -- saving and loading

    def arrays(self) -> dict[str, np.ndarray]:
        """Its own, and those of the members as ``<member>/<array>``."""
        members = {} if self.biases_only else self.models
        return super().arrays() | {
            f"{name}/{array}": values
            for name, model in members.items()
            for array, values in model.arrays().items()
        }

    def description(self) -> dict[str, Any]:
        """With those of the members, and the histories of their training."""
        members = {} if self.biases_only else self.models
        return super().description() | {
            "models": {name: model.description() for name, model in members.items()},
            "histories": {name: asdict(history) for name, history in self.histories.items()},
        }

    def restore(
        self, arrays: dict[str, np.ndarray], description: dict[str, Any], where: object
    ) -> Self:
        """As every model, and each member likewise."""
        for name, of_member in description["models"].items():
            given = {
                array.removeprefix(f"{name}/"): values
                for array, values in arrays.items()
                if array.startswith(f"{name}/")
            }
            self.models[name].restore(given, of_member, where)
        self.histories = {
            name: History(**values) for name, values in description["histories"].items()
        }
        own = {name: values for name, values in arrays.items() if "/" not in name}
        return super().restore(own, description, where)


_TREES = ("tree_features", "tree_thresholds", "tree_children", "tree_values")
_LEARNED_OUT_OF_FOLD = (
    *("weights", "out_of_fold_rmse", "activity_means", "activity_deviations"),
    *_TREES,
)


def _in_parallel(jobs: list[Callable[[], Result]]) -> list[Result]:
    """What each job gives, as many at a time as there are cores; they share nothing."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda job: job(), jobs))


def _part(training: Training, kept: NDArray[np.bool_]) -> Training:
    """Some of the ratings, without validation."""
    users, items, ratings = observed(training.ratings)
    return replace(
        training,
        ratings=csr_matrix(users[kept], items[kept], ratings[kept], training.ratings.shape),
        validation=None,
        times=None if training.times is None else training.times[kept],
        weights=None if training.weights is None else training.weights[kept],
    )


def _context(ratings: sparse.csr_array, **values: Array | None) -> Context:
    """Times and weights at the entries of the ratings, where there are any."""
    given = {name: each for name, each in values.items() if each is not None}
    return Context(**{name: with_values(ratings, each) for name, each in given.items()})


def _activity(ratings: sparse.csr_array) -> tuple[Array, Array]:
    """log(1 + number of ratings) of users and of items."""
    return (
        np.log1p(np.diff(ratings.indptr), dtype=np.float64),
        np.log1p(np.bincount(ratings.indices, minlength=ratings.shape[1]), dtype=np.float64),
    )


def _columns(predictions: Array, activity: Array, combined: Array) -> Array:
    """What trees look at."""
    around = predictions - combined[:, None]
    return np.column_stack([around, activity, predictions.std(axis=1), combined])
