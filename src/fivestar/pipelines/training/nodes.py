"""Fit on train, then refit for good on train and validation."""

from __future__ import annotations

import logging
import time
from typing import Any

from scipy import sparse

from fivestar.failure import Failure, surviving
from fivestar.models import History, Model, build
from fivestar.ratings import Features, Scale, merge

logger = logging.getLogger(__name__)


def fit(
    train: sparse.csr_array,
    validation: sparse.csr_array,
    user_features: sparse.csr_array,
    item_features: sparse.csr_array,
    settings: dict[str, Any],
    scale: Scale,
    *,
    label: str,
) -> tuple[Model | Failure, dict[str, Any]]:
    """A model fitted on train, and what happened on the way."""
    features = Features(user_features, item_features)
    outcome = _fit(train, validation, features, settings, scale, label=label)
    if isinstance(outcome, Failure):
        return outcome, {}
    model, history, seconds = outcome
    error = (history.validation_rmse or history.train_rmse)[history.steps.index(history.best_step)]
    logger.info(
        "%-24s fitted in %.1f s, %s after step %d of %d: validation RMSE %.4f",
        *(label, seconds, history.ending, history.best_step, history.steps[-1], error),
    )
    return model, {**history.to_dict(), "fit_seconds": seconds}


@surviving
def _fit(
    train: sparse.csr_array,
    validation: sparse.csr_array,
    features: Features,
    settings: dict[str, Any],
    scale: Scale,
    *,
    label: str,
) -> tuple[Model, History, float]:
    model = build(settings, label)
    start = time.perf_counter()
    history = model.fit(train, validation, scale=scale, features=features, label=label)
    return model, history, time.perf_counter() - start


def refit(
    fitted: Model | Failure,
    history: dict[str, Any],
    train: sparse.csr_array,
    validation: sparse.csr_array,
    user_features: sparse.csr_array,
    item_features: sparse.csr_array,
    scale: Scale,
    wanted: bool,
    *,
    label: str,
) -> Model | Failure:
    """The final model: trained on all ratings with the number of steps that was found best."""
    if isinstance(fitted, Failure) or not wanted:
        return fitted
    features = Features(user_features, item_features)
    return _refit(fitted, history, train, validation, features, scale, label=label)


@surviving
def _refit(
    fitted: Model,
    history: dict[str, Any],
    train: sparse.csr_array,
    validation: sparse.csr_array,
    features: Features,
    scale: Scale,
    *,
    label: str,
) -> Model:
    found = History(**{name: history[name] for name in History.__dataclass_fields__})
    model = fitted.for_refit(found)
    start = time.perf_counter()
    model.fit(merge(train, validation), scale=scale, features=features, label=label)
    seconds = time.perf_counter() - start
    logger.info("%-24s refitted on train and validation in %.1f s", label, seconds)
    return model
