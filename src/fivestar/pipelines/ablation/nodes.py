"""What each change brings to a model, measured on validation."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.failure import Failure, surviving
from fivestar.metrics import rmse
from fivestar.models import History, build
from fivestar.ratings import Scale, observed
from fivestar.reporting.charts import COLORS, Chart, dressed

logger = logging.getLogger(__name__)

UNCHANGED = "unchanged"
"""The variant that all others are compared with."""

LONGEST = 0.2
"""Loss in stars at which a bar is cut."""


def try_variant(
    train: sparse.csr_array,
    validation: sparse.csr_array,
    base: dict[str, Any],
    change: dict[str, Any],
    scale: Scale,
    *,
    label: str,
) -> list[dict[str, Any]]:
    """Fit the base model with a change; the record of that run, for MLflow and the table.

    A change with a ``family`` stands alone.
    """
    settings = change if "family" in change else {**base, **change}
    started = time.time()
    outcome = _fit(train, validation, settings, scale, label=label)
    record: dict[str, Any] = {
        "name": f"ablation-{label}",
        "model": f"ablation-{label}",
        "started": started,
        "ended": time.time(),
        "tags": {"variant": label, "change": json.dumps(change)},
        "parameters": settings,
        "metrics": {},
        "curves": {},
        "failure": None,
    }
    if isinstance(outcome, Failure):
        return [record | {"failure": outcome.reason}]
    history, error = outcome
    seconds = record["ended"] - started
    logger.info("%-24s validation RMSE %.4f, %s", label, error, history.ending)
    at = history.steps.index(history.best_step)
    record["metrics"] = {
        "validation_rmse": error,
        "train_rmse": history.train_rmse[at],
        "best_step": history.best_step,
        "fit_seconds": seconds,
    }
    record["curves"] = {
        "train_rmse": history.train_rmse,
        "validation_rmse": history.validation_rmse,
    }
    return [record]


@surviving
def _fit(
    train: sparse.csr_array,
    validation: sparse.csr_array,
    settings: dict[str, Any],
    scale: Scale,
    *,
    label: str,
) -> tuple[History, float]:
    model = build(settings, label)
    history = model.fit(train, validation, scale=scale, label=label)
    users, items, ratings = observed(validation)
    return history, rmse(ratings, model.predict(users, items))


def compare_variants(*records: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a variant, the best first; ``gain`` is the fall of the validation RMSE."""
    rows = [
        {
            "variant": record["tags"]["variant"],
            "change": record["tags"]["change"],
            **{
                name: record["metrics"].get(name, np.nan)
                for name in ("validation_rmse", "train_rmse", "best_step", "fit_seconds")
            },
            "failure": record["failure"] or "",
        }
        for (record,) in records
    ]
    table = pd.DataFrame(rows)
    unchanged = table.loc[table["variant"] == UNCHANGED, "validation_rmse"].iloc[0]
    table.insert(2, "gain", unchanged - table["validation_rmse"])
    return table.sort_values("gain", ascending=False, ignore_index=True)


def draw_ablation(table: pd.DataFrame) -> Chart:
    """Bars of what each change brings: to the right it helps, to the left it hurts.

    Bars of changes that wreck the model are cut short; their labels tell the true loss.
    """
    shown = table[(table["variant"] != UNCHANGED) & table["gain"].notna()].assign(
        bar=lambda rows: rows["gain"].clip(lower=-LONGEST),
        label=lambda rows: [f"{gain:+.4f}" for gain in rows["gain"]],
    )
    # Room for the labels at both ends.
    ends = [1.25 * min(-0.02, shown["bar"].min()), 1.4 * max(0.02, shown["bar"].max())]
    base = alt.Chart(shown, width="container", height=20 * len(shown)).encode(
        x=alt.X("bar:Q", title="fall of the validation RMSE (stars)", scale=alt.Scale(domain=ends)),
        y=alt.Y("variant:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
        tooltip=[
            "variant:N",
            "change:N",
            alt.Tooltip("validation_rmse:Q", format=".4f"),
            "label:N",
        ],
    )
    helps = alt.datum.bar > 0
    bars = base.mark_bar().encode(
        color=alt.condition(helps, alt.value(COLORS[0]), alt.value(COLORS[2]))
    )
    right = base.mark_text(align="left", dx=4).encode(text="label:N").transform_filter(helps)
    left = base.mark_text(align="right", dx=-4).encode(text="label:N").transform_filter(~helps)
    return dressed(bars + right + left, "What each change brings to the course's model")
