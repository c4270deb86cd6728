"""Fit on train to find for how long to train, then fit on train and validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fivestar.models import History, Model, build
from fivestar.models.training import Steps
from fivestar.ratings import TrainingData


def fit(
    model: Model, data: TrainingData, *, label: str, max_seconds: float | None = None
) -> History:
    """Fit a model on train; it keeps which data that was."""
    model.trained_on = data.identity_for(uses_times=model.uses_times)
    return model.fit(
        data.train,
        data.validation,
        scale=data.scale,
        features=data.features,
        context=data.train_context,
        validation_context=data.validation_context,
        label=label,
        max_seconds=max_seconds,
    )


def refit(model: Model, data: TrainingData, *, label: str) -> History:
    """Fit a model, such as ``Model.for_refit`` gives, on train and validation."""
    model.trained_on = data.identity_for(uses_times=model.uses_times)
    return model.fit(
        data.ratings,
        scale=data.scale,
        features=data.features,
        context=data.context,
        label=label,
    )


def fit_and_refit(settings: Mapping[str, Any], data: TrainingData, *, label: str) -> Model:
    """The final model; one that does not stop early is fitted on all ratings only.

    Parameters
    ----------
    settings
        The model's block: its family and hyper-parameters.
    """
    model = build(settings, label)
    stops = isinstance(model, Steps) and model.stopping is not None
    if stops and data.train.nnz and data.validation.nnz:
        model = model.for_refit(fit(model, data, label=label))
    refit(model, data, label=label)
    return model
