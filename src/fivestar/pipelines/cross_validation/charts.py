"""Pictures of cross-validation."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.ratings.training_data import SHOWN
from fivestar.reporting.charts import COLORS, GREY, Chart, themed


def draw_cross_validation(
    table: pd.DataFrame, summary: pd.DataFrame, description: dict[str, Any]
) -> Chart:
    """RMSE of every fold, and the mean with its standard error, the best model on top."""
    bounds = summary.assign(
        low=summary["rmse"] - summary["rmse_standard_error"],
        high=summary["rmse"] + summary["rmse_standard_error"],
        label_at=summary["model"].map(table.groupby("model")["rmse"].max()),
    )
    rows = alt.Y("model:N", sort=summary["model"].tolist(), title=None)
    rmse = alt.X("rmse:Q", title="RMSE", scale=alt.Scale(zero=False))
    height = 26 * len(summary)
    folds = (
        alt.Chart(table, width="container", height=height)
        .mark_tick(color=GREY, thickness=2)
        .encode(x=rmse, y=rows, tooltip=["model:N", "fold:N", alt.Tooltip("rmse:Q", format=".4f")])
    )
    means = alt.Chart(bounds, width="container", height=height).encode(y=rows)
    chart = (
        folds
        + means.mark_rule(color=COLORS[0], strokeWidth=3).encode(
            x=alt.X("low:Q", title="RMSE"), x2="high:Q"
        )
        + means.mark_point(color=COLORS[0], filled=True, opacity=1, size=60).encode(x=rmse)
        + means.mark_text(align="left", dx=6, fontSize=10).encode(
            x="label_at:Q", text=alt.Text("rmse:Q", format=".4f")
        )
    )
    return themed(
        chart,
        "RMSE over the folds",
        "Dots: mean, with one standard error to each side. Grey: each fold. Less is better.",
        f"{description['dataset']}, {description['study']}, "
        f"split {description['fingerprint'][:SHOWN]}",
    )
