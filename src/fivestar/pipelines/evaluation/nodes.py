"""Every model measured in the same way, on the same pairs."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.errors import InputError
from fivestar.failure import Failure
from fivestar.metrics import mae, mse, rmse
from fivestar.models import Model
from fivestar.ratings import Vocabulary, observed

logger = logging.getLogger(__name__)

COLUMNS = ["part", "user", "item", "rating", "prediction", "fallback"]
LEADERBOARD = [
    "model",
    "validation_rmse",
    "validation_mae",
    "test_rmse",
    "test_mae",
    "train_rmse",
    "n_parameters",
    "fit_seconds",
    "fallbacks",
]


def evaluate(
    fitted: Model | Failure,
    model: Model | Failure,
    history: dict[str, Any],
    train_matrix: sparse.csr_array,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    vocabulary: dict[str, list[str]],
    *,
    label: str,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Predictions and errors of one model.

    Train and validation are predicted by the model fitted on train, test by the final model.

    Returns
    -------
    predictions
        ``part`` (validation or test), ``user``, ``item``, ``rating``, ``prediction``,
        ``fallback`` (whether the user or the item was unknown); no rows of a failed model.
    metrics
        RMSE, MSE and MAE a part, sizes and times; or ``failure``, the reason of one.
    """
    for outcome in (fitted, model):
        if isinstance(outcome, Failure):
            return pd.DataFrame(columns=COLUMNS), {"failure": outcome.reason}

    ids = Vocabulary.from_dict(vocabulary)
    parts = [
        _predicted(fitted, "validation", validation, ids),
        _predicted(model, "test", test, ids),
    ]
    users, items, ratings = observed(train_matrix)
    metrics: dict[str, Any] = _errors("train", ratings, fitted.predict(users, items))
    for part in parts:
        known = part[part["rating"].notna()]
        if len(known):
            metrics |= _errors(known["part"].iloc[0], known["rating"], known["prediction"])
    predictions = pd.concat(parts, ignore_index=True)
    metrics |= {
        "fallbacks": int(predictions["fallback"].sum()),
        "n_parameters": model.n_parameters,
        "n_cells": int(np.prod(ids.shape)),
        "fit_seconds": history["fit_seconds"],
        "best_step": history["best_step"],
        "ending": history["ending"],
    }
    logger.info(
        "%-12s RMSE validation %.4f, test %s",
        *(label, metrics["validation_rmse"], _stars(metrics.get("test_rmse"))),
    )
    return predictions, metrics


def compare(*metrics: dict[str, Any], models: list[str]) -> pd.DataFrame:
    """The leaderboard: best validation RMSE first; failed models have no row."""
    rows = [
        {"model": model, **measured}
        for model, measured in zip(models, metrics, strict=True)
        if "failure" not in measured
    ]
    if not rows:
        reasons = "; ".join(f"{m}: {x['failure']}" for m, x in zip(models, metrics, strict=True))
        raise InputError(f"every model failed, nothing to compare. {reasons}")
    return (
        pd.DataFrame(rows)
        .reindex(columns=LEADERBOARD)
        .sort_values(["validation_rmse", "model"], ignore_index=True)
    )


def _predicted(model: Model, part: str, pairs: pd.DataFrame, ids: Vocabulary) -> pd.DataFrame:
    prediction, fallback = model.predict_or_fall_back(*ids.positions(pairs))
    table = pairs[["user", "item", "rating"]].assign(
        part=part, prediction=prediction, fallback=fallback
    )
    return table[COLUMNS]


def _errors(part: str, actual: Any, predicted: Any) -> dict[str, float]:
    return {f"{part}_{metric.__name__}": metric(actual, predicted) for metric in (rmse, mse, mae)}


def _stars(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
