"""Splits inside train that settings are compared on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.errors import InputError
from fivestar.models import History, build
from fivestar.models.training import Report, Steps
from fivestar.pipelines.tuning.settings import TuningSettings
from fivestar.ratings import Context, TrainingData, csr_matrix, observed


@dataclass(frozen=True)
class InnerSplit:
    """Ratings to learn from, and ratings to predict.

    Attributes
    ----------
    data
        What is learned from; its validation split stops the training early. Where that is
        empty, the held-out ratings do.
    held_out : (n_users, n_items) CSR
    context : times and weights of the held-out ratings, where they have some
    """

    data: TrainingData
    held_out: sparse.csr_array
    context: Context

    @property
    def users(self) -> NDArray[np.intp]:
        """Of the held-out ratings."""
        return observed(self.held_out)[0]


def inner_splits(data: TrainingData, settings: TuningSettings) -> list[InnerSplit]:
    """Random folds of train, or train and validation as they are.

    Folds are random, so items that only the held-out ratings have are among them, as in use.

    Raises
    ------
    InputError
        If train has too few ratings for the folds.
    """
    if settings.objective == "validation":
        return [InnerSplit(_without_validation(data), data.validation, data.validation_context)]
    n_ratings, n_folds = data.train.nnz, settings.inner_folds
    if n_ratings < 2 * n_folds:
        raise InputError(
            f"tuning.inner_folds: train has {n_ratings} ratings, too few for {n_folds} folds"
        )
    fold = np.random.default_rng(settings.seed).permutation(n_ratings) % n_folds
    splits = []
    for number in range(n_folds):
        held_out, context = _chosen(data.train, data.train_context, fold == number)
        train, train_context = _chosen(data.train, data.train_context, fold != number)
        rest = replace(data, train=train, train_context=train_context)
        splits.append(InnerSplit(_with_stopping(rest, settings), held_out, context))
    return splits


def validation_split(data: TrainingData, settings: TuningSettings) -> InnerSplit:
    """Train, a part of which stops the training early, to predict validation."""
    return InnerSplit(_with_stopping(data, settings), data.validation, data.validation_context)


def predict_held_out(
    block: Mapping[str, Any], split: InnerSplit, *, label: str, report: Report | None = None
) -> tuple[NDArray[np.float32], History]:
    """Predictions of the held-out ratings, row by row, and the history of the fit.

    The model never falls back to its biases: bad settings shall be told from worse ones.

    Parameters
    ----------
    block
        The model's family and settings.
    report
        See ``Model.fit``.
    """
    model = build({**block, "bias_fallback": False}, label)
    stops_early = isinstance(model, Steps) and model.stopping is not None
    data = split.data
    if stops_early and data.validation.nnz:
        train, curve = (data.train, data.train_context), (data.validation, data.validation_context)
    else:  # nothing is decided by the curve, but when to stop where nothing else is there for that
        train, curve = (data.ratings, data.context), (split.held_out, split.context)
    history = model.fit(
        train[0],
        curve[0],
        scale=data.scale,
        features=data.features,
        context=train[1],
        validation_context=curve[1],
        label=label,
        report=report,
    )
    users, items, _ = observed(split.held_out)
    times = None if split.context.times is None else split.context.times.data
    return model.predict(users, items, times), history


def _with_stopping(data: TrainingData, settings: TuningSettings) -> TrainingData:
    """A random part of train in place of validation."""
    stops = np.random.default_rng(settings.seed).random(data.train.nnz) < settings.stopping_share
    train, train_context = _chosen(data.train, data.train_context, ~stops)
    stopping, stopping_context = _chosen(data.train, data.train_context, stops)
    return replace(
        data,
        train=train,
        train_context=train_context,
        validation=stopping,
        validation_context=stopping_context,
    )


def _without_validation(data: TrainingData) -> TrainingData:
    none = np.zeros(data.validation.nnz, dtype=np.bool_)
    empty, context = _chosen(data.validation, data.validation_context, none)
    return replace(data, validation=empty, validation_context=context)


def _chosen(
    ratings: sparse.csr_array, context: Context, which: NDArray[np.bool_]
) -> tuple[sparse.csr_array, Context]:
    """Some of the ratings, with their times and weights."""

    def change(matrix: sparse.csr_array) -> sparse.csr_array:
        users, items, values = observed(matrix)
        return csr_matrix(users[which], items[which], values[which], matrix.shape, values.dtype)

    return change(ratings), context.of_entries(change)
