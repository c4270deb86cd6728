"""All checks as one table and as a run in MLflow."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import pandas as pd

from fivestar.pipelines.monitoring.checks import DECISION, Check, as_table
from fivestar.pipelines.monitoring.predictions import Predicted
from fivestar.pipelines.monitoring.settings import MonitoringSettings

logger = logging.getLogger(__name__)


def conclude(
    name: str,
    new: Predicted,
    windows: pd.DataFrame,
    settings: MonitoringSettings,
    stars: Check,
    popularity: Check,
    unknown: list[Check],
    errors: list[Check],
    latest: Check,
    coverage: Check,
    reliability: Check,
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The table of checks, whose last row is the decision, and the record of the run."""
    checks = [stars, popularity, *unknown, *errors, latest, coverage, reliability]
    table = as_table(checks)
    for row in table.itertuples(index=False):
        logger.info("%s: %-11s %s", row.check, row.verdict, row.finding)
    return table, [_record(name, new, table, windows, settings)]


def _record(
    name: str,
    new: Predicted,
    table: pd.DataFrame,
    windows: pd.DataFrame,
    settings: MonitoringSettings,
) -> dict[str, Any]:
    """The run as ``tracking`` logs it."""
    metrics: dict[str, float] = {"n_ratings": len(new.ratings)}
    for row in table.to_dict("records"):
        metrics |= {
            f"{row['check']}_{column}": row[column]
            for column in ("value", "reference", "drift", "low", "high")
            if np.isfinite(row[column])
        }
    ended = time.time()
    return {
        "name": "monitoring",
        "model": "monitoring",
        "tags": {
            "predictor": name,
            "verdict": table.loc[table["check"] == DECISION, "verdict"].item(),
        },
        "parameters": {"monitoring": settings.model_dump()},
        "metrics": metrics,
        "curves": {"rmse_by_window": windows["rmse"].dropna().tolist()},
        "failure": None,
        "started": ended,
        "ended": ended,
    }
