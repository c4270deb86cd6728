"""One model on one fold, and all of them together."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fivestar.failure import Failure, surviving
from fivestar.metrics import mae, rmse
from fivestar.models import build
from fivestar.pipelines import fitting
from fivestar.pipelines.evaluation.differences import differences_over_folds
from fivestar.pipelines.evaluation.settings import EvaluationSettings
from fivestar.ratings import TrainingData, times_of

logger = logging.getLogger(__name__)

PREDICTIONS = ["fold", "user", "item", "rating", "prediction", "fallback"]
RESULTS = ["model", "fold", "rmse", "mae", "fit_seconds", "fallbacks"]
SUMMARY = ["model", "folds", "rmse", "rmse_standard_error", "mae", "mae_standard_error"]

Run = dict[str, Any]
Description = dict[str, Any]


def identify(data: TrainingData, test: pd.DataFrame) -> Description:
    """Which split one fold is, and its sizes."""
    return {"fingerprint": data.fingerprint, "n_train": data.ratings.nnz, "n_test": len(test)}


def describe(dataset: str, *, study: str, **folds: Description) -> Description:
    """Which data and folds the figures are of.

    Parameters
    ----------
    folds
        What ``identify`` says of each, by number.
    """
    fingerprints = "".join(fold["fingerprint"] for fold in folds.values())
    return {
        "dataset": dataset,
        "study": study,
        "fingerprint": hashlib.blake2b(fingerprints.encode(), digest_size=16).hexdigest(),
        "folds": {name.removeprefix("fold_"): fold for name, fold in folds.items()},
    }


def cross_validate(
    data: TrainingData,
    test: pd.DataFrame,
    model: dict[str, Any],
    description: Description,
    max_minutes: float | None,
    refit: bool,
    *,
    label: str,
    fold: int,
) -> tuple[pd.DataFrame, list[Run]]:
    """Fit one model without one fold, as the main job does, and predict that fold.

    Parameters
    ----------
    data, test
        The ratings of the other folds, split for early stopping, and the fold's own.
    model
        The block: family and hyper-parameters.
    description
        Of all folds.
    max_minutes, refit
        As in training.

    Returns
    -------
    predictions
        ``fold``, ``user``, ``item``, ``rating``, ``prediction``, ``fallback``; no rows of a
        model that failed.
    runs
        The one record of what happened, for MLflow.
    """
    started = time.time()
    outcome = _predict_fold(data, test, model, max_minutes, refit, label=label, fold=fold)
    failure = outcome if isinstance(outcome, Failure) else None
    predictions, metrics = (
        (pd.DataFrame(columns=PREDICTIONS), {}) if isinstance(outcome, Failure) else outcome
    )
    record = {
        "name": f"{label}, fold {fold}",
        "model": label,
        "tags": {
            "fold": str(fold),
            "study": description["study"],
            "fingerprint": data.fingerprint,
        },
        "parameters": model,
        "metrics": metrics,
        "curves": {},
        "failure": None if failure is None else failure.reason,
        "skipped": failure is not None and failure.skipped,
        "started": started,
        "ended": time.time(),
    }
    return predictions, [record]


@surviving
def _predict_fold(
    data: TrainingData,
    test: pd.DataFrame,
    block: dict[str, Any],
    max_minutes: float | None,
    refit: bool,
    *,
    label: str,
    fold: int,
) -> tuple[pd.DataFrame, dict[str, float]]:
    name = f"{label}, fold {fold}"
    model = build(block, label)
    start = time.perf_counter()
    max_seconds = None if max_minutes is None else 60 * max_minutes
    history = fitting.fit(model, data, label=name, max_seconds=max_seconds)
    seconds = time.perf_counter() - start
    if refit:
        model = model.for_refit(history)
        fitting.refit(model, data, label=name)
    predicted = model.predict_detailed(*data.vocabulary.indices(test), times_of(test))
    table = test.assign(fold=fold, prediction=predicted.values, fallback=predicted.fallback)
    metrics = {
        "test_rmse": rmse(table["rating"], table["prediction"]),
        "test_mae": mae(table["rating"], table["prediction"]),
        "fit_seconds": seconds,
        "fallbacks": int(predicted.fallback.sum()),
    }
    logger.info("%s: RMSE %.4f, fitted in %.1f s", name, metrics["test_rmse"], seconds)
    return table[PREDICTIONS], metrics


def gather(**folds: pd.DataFrame) -> pd.DataFrame:
    """The out-of-fold predictions of one model."""
    return pd.concat(folds.values(), ignore_index=True)


def tabulate(**runs: list[Run]) -> pd.DataFrame:
    """RMSE and MAE by model and fold; failed ones have no row."""
    rows = [
        {"model": run["model"], "fold": int(run["tags"]["fold"]), **_renamed(run["metrics"])}
        for (run,) in runs.values()
        if run["failure"] is None
    ]
    return pd.DataFrame(rows, columns=RESULTS).sort_values(["model", "fold"], ignore_index=True)


def summarise(table: pd.DataFrame, *, time_aware: list[str]) -> pd.DataFrame:
    """Means over the folds with their standard errors, the lowest RMSE first.

    Models that use when a rating was given follow after all others: they are told more.

    The standard error is s / sqrt(k), s the standard deviation of k folds. Train sets of folds
    overlap, so it is too small by about a third for 5 folds; differences of models are tested
    with the correction of Nadeau and Bengio.
    """
    by_model = table.groupby("model")
    summary = pd.DataFrame({"folds": by_model.size()})
    for metric in ("rmse", "mae"):
        summary[metric] = by_model[metric].mean()
        summary[f"{metric}_standard_error"] = by_model[metric].sem()
    ordered = summary.reset_index().assign(last=lambda rows: rows["model"].isin(time_aware))
    return ordered.sort_values(["last", "rmse", "model"], ignore_index=True)[SUMMARY]


def compare_over_folds(
    table: pd.DataFrame, description: Description, settings: EvaluationSettings
) -> pd.DataFrame:
    """Every pair of models, by the corrected resampled t-test; see ``differences_over_folds``."""
    sizes = pd.DataFrame.from_dict(description["folds"], orient="index")
    sizes.index = sizes.index.astype("int64")
    folds = table.merge(sizes[["n_train", "n_test"]], left_on="fold", right_index=True)
    return differences_over_folds(folds, settings.confidence)


def list_summary_runs(
    summary: pd.DataFrame, description: Description, **runs: list[Run]
) -> list[Run]:
    """A run a model, with the means over its folds."""
    tags = {
        "study": description["study"],
        "fold": "all",
        "fingerprint": description["fingerprint"],
    }
    by_model: dict[str, list[Run]] = {}
    for (run,) in runs.values():
        by_model.setdefault(run["model"], []).append(run)
    records = []
    for row in summary.to_dict("records"):
        model, _ = str(row.pop("model")), row.pop("folds")
        folds = by_model[model]
        records.append(
            {
                "name": model,
                "model": model,
                "tags": tags,
                "parameters": folds[0]["parameters"],
                "metrics": {f"test_{name}": row[name] for name in row if np.isfinite(row[name])},
                "curves": {},
                "failure": None,
                "started": min(run["started"] for run in folds),
                "ended": max(run["ended"] for run in folds),
            }
        )
    return records


def _renamed(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix("test_"): value for name, value in metrics.items()}
