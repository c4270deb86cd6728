"""Bars of what each change brings."""

from __future__ import annotations

import altair as alt
import pandas as pd

from fivestar.pipelines.ablation.nodes import UNCHANGED
from fivestar.ratings import TrainingData
from fivestar.reporting.charts import COLORS, Chart, themed

LONGEST = 0.05
"""Loss at which a bar is cut, as a fraction of the scale's width."""


def draw_ablation(table: pd.DataFrame, data: TrainingData, *, base: str) -> Chart:
    """Bars of what each change brings: to the right it helps, to the left it hurts.

    Bars of changes that wreck the model are cut short; their labels tell the true loss.
    """
    longest = LONGEST * (data.scale.highest - data.scale.lowest)
    shown = table[(table["variant"] != UNCHANGED) & table["gain"].notna()].assign(
        bar=lambda rows: rows["gain"].clip(lower=-longest),
        label=lambda rows: rows["gain"].map("{:+.4f}".format),
    )
    # Room for the labels at both ends.
    low, high = min(-longest / 10, shown["bar"].min()), max(longest / 10, shown["bar"].max())
    room = alt.Scale(domain=[1.25 * low, 1.4 * high])
    rmse = alt.Tooltip("validation_rmse:Q", format=".4f")
    rows = alt.Chart(shown, width="container", height=20 * len(shown)).encode(
        x=alt.X("bar:Q", title="fall of the validation RMSE", scale=room),
        y=alt.Y("variant:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
        tooltip=["variant:N", "change:N", rmse, "label:N"],
    )
    helps = alt.datum.bar > 0
    color = alt.condition(helps, alt.value(COLORS[0]), alt.value(COLORS[2]))
    bars, labels = rows.mark_bar().encode(color=color), rows.encode(text="label:N")
    right = labels.mark_text(align="left", dx=4).transform_filter(helps)
    left = labels.mark_text(align="right", dx=-4).transform_filter(~helps)
    return themed(bars + right + left, f"What each change brings to {base}", f"{data.title}.")
