"""Splits inside train that settings are compared on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.errors import InputError
from fivestar.models import History, build
from fivestar.models.training import Report, Steps
from fivestar.pipelines.tuning.settings import TuningSettings
from fivestar.ratings import Features, Scale, TrainingData, csr_matrix, merge, observed


@dataclass(frozen=True)
class InnerSplit:
    """Ratings to learn from, ratings that stop the training early, and ratings to predict.

    Attributes
    ----------
    train, held_out : (n_users, n_items) CSR
    stopping : (n_users, n_items) CSR; None where the held-out ratings stop the training too
    """

    train: sparse.csr_array
    stopping: sparse.csr_array | None
    held_out: sparse.csr_array
    scale: Scale
    features: Features

    def parts(self, *, stops_early: bool) -> tuple[sparse.csr_array, sparse.csr_array]:
        """What a model is fitted on, and what its learning curve is measured on.

        A model that does not stop early learns from the stopping part too, and nothing is
        decided by its curve.
        """
        if self.stopping is None:
            return self.train, self.held_out
        if stops_early:
            return self.train, self.stopping
        return merge(self.train, self.stopping), self.held_out


def inner_splits(data: TrainingData, settings: TuningSettings) -> list[InnerSplit]:
    """Random folds of train, or train and validation as they are.

    Folds are random, so items that only the held-out ratings have are among them, as in use.

    Raises
    ------
    InputError
        If train has too few ratings for the folds.
    """
    if settings.objective == "validation":
        return [InnerSplit(data.train, None, data.validation, data.scale, data.features)]
    n_ratings, n_folds = data.train.nnz, settings.inner_folds
    if n_ratings < 2 * n_folds:
        raise InputError(
            f"tuning.inner_folds: train has {n_ratings} ratings, too few for {n_folds} folds"
        )
    random = np.random.default_rng(settings.seed)
    fold = random.permutation(n_ratings) % n_folds
    stops = random.random(n_ratings) < settings.stopping_share
    kinds = [((fold != n) & ~stops, (fold != n) & stops, fold == n) for n in range(n_folds)]
    parts = [[_chosen(data.train, which) for which in kind] for kind in kinds]
    return [
        InnerSplit(train, stopping, held_out, data.scale, data.features)
        for train, stopping, held_out in parts
    ]


def validation_split(data: TrainingData, settings: TuningSettings) -> InnerSplit:
    """Train, less what stops the training early, to predict validation."""
    stops = np.random.default_rng(settings.seed).random(data.train.nnz) < settings.stopping_share
    train, stopping = (_chosen(data.train, which) for which in (~stops, stops))
    return InnerSplit(train, stopping, data.validation, data.scale, data.features)


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
    history = model.fit(
        *split.parts(stops_early=stops_early),
        scale=split.scale,
        features=split.features,
        label=label,
        report=report,
    )
    users, items, _ = observed(split.held_out)
    return model.predict(users, items), history


def _chosen(ratings: sparse.csr_array, which: NDArray[np.bool_]) -> sparse.csr_array:
    users, items, values = observed(ratings)
    return csr_matrix(users[which], items[which], values[which], ratings.shape)
