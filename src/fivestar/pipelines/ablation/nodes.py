"""What each change brings to a model, measured on validation."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import numpy as np
import pandas as pd

from fivestar.failure import Failure, surviving
from fivestar.metrics import rmse
from fivestar.models import build
from fivestar.pipelines import fitting
from fivestar.ratings import TrainingData, observed

logger = logging.getLogger(__name__)

UNCHANGED = "unchanged"
"""The variant that all others are compared with."""


def try_variant(
    data: TrainingData, base: dict[str, Any], change: dict[str, Any], *, label: str
) -> list[dict[str, Any]]:
    """Fit the base model with a change; the record of that run, for MLflow and the table.

    A change with a ``family`` stands alone.
    """
    settings = change if "family" in change else {**base, **change}
    started = time.time()
    outcome = _fit(data, settings, label=label)
    record: dict[str, Any] = {
        "name": f"ablation-{label}",
        "model": f"ablation-{label}",
        "tags": {"variant": label, "change": json.dumps(change)},
        "parameters": settings,
        "metrics": {},
        "curves": {},
        "failure": None,
        "started": started,
        "ended": time.time(),
    }
    return [record | ({"failure": outcome.reason} if isinstance(outcome, Failure) else outcome)]


@surviving
def _fit(data: TrainingData, settings: dict[str, Any], *, label: str) -> dict[str, Any]:
    """Metrics and curves."""
    start = time.perf_counter()
    model = build(settings, label)
    history = fitting.fit(model, data, label=label)
    users, items, ratings = observed(data.validation)
    error = rmse(ratings, model.predict(users, items))
    logger.info("%s: validation RMSE %.4f, %s", label, error, history.ending)
    return {
        "metrics": {
            "validation_rmse": error,
            "train_rmse": history.train_rmse[history.steps.index(history.best_step)],
            "best_step": history.best_step,
            "fit_seconds": time.perf_counter() - start,
        },
        "curves": {name: getattr(history, name) for name in ("train_rmse", "validation_rmse")},
    }


def compare_variants(**runs: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a variant, the best first; ``gain`` is the fall of the validation RMSE."""
    measured = ("validation_rmse", "train_rmse", "best_step", "fit_seconds")
    rows = [
        {
            **record["tags"],
            **{name: record["metrics"].get(name, np.nan) for name in measured},
            "failure": record["failure"] or "",
        }
        for (record,) in runs.values()
    ]
    table = pd.DataFrame(rows)
    unchanged = table.loc[table["variant"] == UNCHANGED, "validation_rmse"].iloc[0]
    table.insert(2, "gain", unchanged - table["validation_rmse"])
    return table.sort_values("gain", ascending=False, ignore_index=True)
