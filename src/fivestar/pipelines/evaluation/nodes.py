"""Every model measured in the same way, on the same pairs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fivestar.analysis.blocks import predict_ratings
from fivestar.errors import InputError
from fivestar.failure import Failure, surviving
from fivestar.metrics import gaussian_nll, mae, mse, rmse
from fivestar.metrics.calibration import coverages
from fivestar.models import Model
from fivestar.pipelines.evaluation.differences import compare_pairs, sum_by_user
from fivestar.pipelines.evaluation.settings import EvaluationSettings
from fivestar.ratings import DescribedSplit, TrainingData, Vocabulary, times_of

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
METRICS = (rmse, mse, mae)
"""Measured on every split, as ``<split>_<metric>``."""


def evaluate(
    fitted: Any,
    model: Any,
    history: dict[str, Any],
    data: TrainingData,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    *,
    label: str,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Predictions and errors of one model.

    Train and validation are predicted by the model fitted on train, test by the final model.

    Parameters
    ----------
    fitted, model
        The model fitted on train and the final one, or the failure of either.
    history
        Of the fit on train.

    Returns
    -------
    predictions
        ``part`` (validation or test), ``user``, ``item``, ``rating``, ``prediction``,
        ``fallback`` (whether the user or the item was unknown); no rows of a failed model.
    metrics
        RMSE, MSE, MAE and Gaussian negative log-likelihood of each split, the noise ``sigma``
        estimated on validation, sizes and times; where the model gives probabilities, the
        fraction of the ratings that its 50, 80, 90 and 95 % intervals hold; or ``failure``,
        the reason of one.
    """
    outcome: Any = next((given for given in (fitted, model) if isinstance(given, Failure)), None)
    if outcome is None:
        parts = [(fitted, "validation", validation), (model, "test", test)]
        outcome = _evaluate(fitted, data, parts, label=label)
    if isinstance(outcome, Failure):
        failure = {"failure": outcome.reason, "skipped": outcome.skipped}
        return pd.DataFrame(columns=COLUMNS), failure

    predictions, errors = outcome
    logger.info(
        "%s: RMSE validation %.4f, test %s",
        *(label, errors["validation_rmse"], _shown(errors.get("test_rmse"))),
    )
    if model.uses_times:  # told only then: nothing else of other models' metrics changes
        errors["uses_times"] = True
    return predictions, errors | {
        "fallbacks": int(predictions["fallback"].sum()),
        "n_parameters": model.n_parameters,
        "n_cells": int(np.prod(data.train.shape)),
        "fit_seconds": history["fit_seconds"],
        "best_step": history["best_step"],
        "ending": history["ending"],
    }


@surviving
def _evaluate(
    fitted: Model,
    data: TrainingData,
    parts: list[tuple[Model, str, pd.DataFrame]],
    *,
    label: str,
) -> tuple[pd.DataFrame, dict[str, float]]:
    of_train = data.train_context.times
    times = None if of_train is None else of_train.data
    ids = data.vocabulary
    tables, non_finite = zip(
        *(_predicted(model, part, pairs, ids) for model, part, pairs in parts), strict=True
    )
    validation = tables[0]
    # The noise is estimated where the model was not fitted, and used for all parts.
    sigma = rmse(validation["rating"], validation["prediction"])
    errors = _errors("train", data.train.data, predict_ratings(fitted, data.train, times), sigma)
    for (model, part, _), table in zip(parts, tables, strict=True):
        known = table[table["rating"].notna()]
        if known.empty:
            continue
        errors |= _errors(part, known["rating"], known["prediction"], sigma)
        if model.distribution is not None:
            held = coverages(model.distribution, *ids.indices(known), known["rating"])
            errors |= {f"{part}_{level}": share for level, share in held.items()}
    errors |= {"sigma": sigma, "non_finite": sum(non_finite)}
    return pd.concat(tables, ignore_index=True), errors


class Measured(NamedTuple):
    """What models are compared by."""

    metrics: dict[str, Any]
    by_user: pd.DataFrame
    """The test part, as ``sum_by_user`` gives it."""


def measure(metrics: dict[str, Any], predictions: pd.DataFrame) -> Measured:
    """Of one model; the predictions of all models together may not fit into memory."""
    return Measured(metrics, sum_by_user(predictions))


def compare(
    settings: EvaluationSettings, **measured: Measured
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The leaderboard: best validation RMSE first; failed models have no row. And ``differences``.

    Models that use when a rating was given follow after all others, however good they are:
    they are told more, so the first of the table, the champion, is none of them.

    Parameters
    ----------
    measured
        Of each model, by its name.
    """
    ranking = rank({model: given.metrics for model, given in measured.items()})
    by_user = {model: measured[model].by_user for model in ranking["model"]}
    return compare_pairs(ranking, by_user, settings)


def rank(metrics: Mapping[str, dict[str, Any]]) -> pd.DataFrame:
    """The leaderboard without what the comparison of its models adds."""
    rows = [
        {"model": model, **measured}
        for model, measured in metrics.items()
        if "failure" not in measured
    ]
    if not rows:
        reasons = "; ".join(f"{model}: {failed['failure']}" for model, failed in metrics.items())
        raise InputError(f"every model failed, nothing to compare. {reasons}")
    table = pd.DataFrame(rows).reindex(columns=["uses_times", *LEADERBOARD])
    table["uses_times"] = table["uses_times"].eq(True)
    order = ["uses_times", "validation_rmse", "model"]
    return table.sort_values(order, ignore_index=True)[LEADERBOARD]


def describe_leaderboard(
    leaderboard: pd.DataFrame, data: TrainingData | DescribedSplit
) -> dict[str, Any]:
    """Which data the leaderboard is of."""
    models = leaderboard["model"].tolist()
    return {**data.identity, "n_ratings": dict(data.sizes), "models": models}


def _predicted(
    model: Model, part: str, pairs: pd.DataFrame, ids: Vocabulary
) -> tuple[pd.DataFrame, int]:
    """Predictions as a table, and how many scores were not finite."""
    predicted = model.predict_detailed(*ids.indices(pairs), times_of(pairs))
    table = pairs[["user", "item", "rating"]].assign(
        part=part, prediction=predicted.values, fallback=predicted.fallback
    )
    return table[COLUMNS], int(predicted.non_finite.sum())


def _errors(part: str, actual: Any, predicted: Any, sigma: float) -> dict[str, float]:
    errors = {f"{part}_{metric.__name__}": metric(actual, predicted) for metric in METRICS}
    return errors | {f"{part}_nll": gaussian_nll(actual, predicted, sigma)}


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
