"""Fit on train, then refit for good on train and validation."""

from __future__ import annotations

import logging
import time
from typing import Any

from fivestar.failure import Failure, surviving
from fivestar.models import History, Model, build
from fivestar.pipelines import fitting
from fivestar.ratings import TrainingData

logger = logging.getLogger(__name__)

Fitted = tuple[Model, dict[str, Any]]


def fit(
    data: TrainingData, settings: dict[str, Any], max_minutes: float | None, *, label: str
) -> tuple[Model | Failure, dict[str, Any]]:
    """A model fitted on train, and the history of its training.

    Parameters
    ----------
    settings
        The model's block: its family and hyper-parameters.
    max_minutes
        A model whose first steps show that it would take longer is skipped; None waits for all.
    """
    outcome = _fit(data, settings, max_minutes, label=label)
    return (outcome, {}) if isinstance(outcome, Failure) else outcome


@surviving
def _fit(
    data: TrainingData, settings: dict[str, Any], max_minutes: float | None, *, label: str
) -> Fitted:
    model = build(settings, label)
    start = time.perf_counter()
    max_seconds = None if max_minutes is None else 60 * max_minutes
    history = fitting.fit(model, data, label=label, max_seconds=max_seconds)
    seconds = time.perf_counter() - start
    error = (history.validation_rmse or history.train_rmse)[history.steps.index(history.best_step)]
    logger.info(
        "%s: fitted in %.1f s, %s after step %d of %d: validation RMSE %.4f",
        *(label, seconds, history.ending, history.best_step, history.steps[-1], error),
    )
    return model, {**history.to_dict(), "fit_seconds": seconds}


def refit(
    fitted: Model | Failure,
    history: dict[str, Any],
    data: TrainingData,
    wanted: bool,
    *,
    label: str,
) -> tuple[Model | Failure, dict[str, Any]]:
    """The final model, trained on all ratings with the number of steps that was found best.

    Returns
    -------
    model
        The fitted one where no refit is wanted.
    history
        That of the first fit; the refit's own is in it as ``refit``.
    """
    if isinstance(fitted, Failure) or not wanted:
        return fitted, history
    outcome = _refit(fitted, history, data, label=label)
    if isinstance(outcome, Failure):
        return outcome, history
    model, refitted = outcome
    return model, {**history, "refit": refitted}


@surviving
def _refit(fitted: Model, history: dict[str, Any], data: TrainingData, *, label: str) -> Fitted:
    found = History(**{name: history[name] for name in History.__dataclass_fields__})
    model = fitted.for_refit(found)
    start = time.perf_counter()
    refitted = fitting.refit(model, data, label=label)
    seconds = time.perf_counter() - start
    logger.info("%s: refitted on train and validation in %.1f s", label, seconds)
    return model, {**refitted.to_dict(), "fit_seconds": seconds}
