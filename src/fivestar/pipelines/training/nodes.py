"""How long a fit will take; fit on train, then refit for good on train and validation."""

from __future__ import annotations

import logging
import time
from typing import Any

from fivestar.errors import TooSlow
from fivestar.failure import Failure, surviving
from fivestar.models import History, Model, build
from fivestar.models.training import too_slow
from fivestar.pipelines import fitting
from fivestar.pipelines.training.expected_time import WORTH_ESTIMATING, expected_seconds
from fivestar.ratings import TrainingData

logger = logging.getLogger(__name__)

Fitted = tuple[Model, dict[str, Any]]


@surviving
def estimate(
    data: TrainingData, settings: dict[str, Any], max_minutes: float | None, *, label: str
) -> float:
    """Minutes that the fit is expected to take; 0 where that need not be known.

    It is measured where the time is limited and the data are so many that it may be too short;
    a blend has the times of its members.

    Parameters
    ----------
    settings, max_minutes
        See ``fit``.
    """
    if max_minutes is None or data.train.nnz < WORTH_ESTIMATING or "members" in settings:
        return 0.0
    minutes = expected_seconds(settings, data, label=label) / 60
    logger.info("%s: about %.1f minutes to fit, of %.1f allowed", label, minutes, max_minutes)
    return minutes


def fit(
    data: TrainingData,
    settings: dict[str, Any],
    max_minutes: float | None,
    expected_minutes: float | Failure = 0.0,
    *,
    label: str,
) -> tuple[Model | Failure, dict[str, Any]]:
    """A model fitted on train, and the history of its training.

    Parameters
    ----------
    settings
        The model's block: its family and hyper-parameters.
    max_minutes
        A model that is expected to take longer is left out, and so is one whose first steps
        show that it would; None waits for all.
    expected_minutes
        See ``estimate``; a failure to tell is one to fit.
    """
    outcome = (
        expected_minutes
        if isinstance(expected_minutes, Failure)
        else _fit(data, settings, max_minutes, expected_minutes, label=label)
    )
    return (outcome, {}) if isinstance(outcome, Failure) else outcome


@surviving
def _fit(
    data: TrainingData,
    settings: dict[str, Any],
    max_minutes: float | None,
    expected_minutes: float,
    *,
    label: str,
) -> Fitted:
    model = build(settings, label)
    start = time.perf_counter()
    max_seconds = None if max_minutes is None else 60 * max_minutes
    if max_seconds is not None and (expected := 60 * expected_minutes) > max_seconds:
        raise TooSlow(too_slow(label, expected, max_seconds), expected)
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
