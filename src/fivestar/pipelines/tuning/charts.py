"""The course of a study, and what mattered in it."""

from __future__ import annotations

import altair as alt
import pandas as pd

from fivestar.ratings import TrainingData
from fivestar.reporting.charts import COLORS, GREY, Chart, themed

HEIGHT = 320
"""Pixels."""
SHOWN, ROOM = 0.9, 2
"""Share of the trials whose whole range is shown, and how much more above it, in such ranges."""


def draw_history(trials: pd.DataFrame, data: TrainingData, *, model: str) -> Chart:
    """The error of every complete trial, the lowest so far, and where trials were pruned."""
    complete = trials[trials["state"] == "complete"]
    best = complete.assign(best=complete["value"].cummin())
    # A trial that wrecks the model leaves through the top, and the others can still be read.
    high, low = complete["value"].quantile(SHOWN), complete["value"].min()
    top = high + ROOM * (high - low)
    error = alt.Y("value:Q", title="RMSE", scale=alt.Scale(zero=False))
    told = [alt.Tooltip(f"{name}:N") for name in trials.columns]
    x = alt.X("number:Q", title="trial")
    shown = complete[complete["value"] <= top]
    points = alt.Chart(shown).mark_point(filled=True, size=50).encode(x=x, y=error, tooltip=told)
    line = (
        alt.Chart(best)
        .mark_line(interpolate="step-after", color=COLORS[2])
        .encode(x=x, y=alt.Y("best:Q"))
    )
    pruned = (
        alt.Chart(trials[trials["state"] == "pruned"])
        .mark_tick(color=GREY, orient="vertical", thickness=2, size=10)
        .encode(x=x, y=alt.value(HEIGHT), tooltip=told)
    )
    chart = alt.layer(points, line, pruned).properties(width="container", height=HEIGHT)
    how = (
        "Points are complete trials, the line is the lowest error so far, ticks are pruned trials."
    )
    return themed(chart, f"Tuning of {model}: error by trial", how, data.title)


def draw_importance(importance: dict[str, float], data: TrainingData, *, model: str) -> Chart:
    """Bars of the share of each setting in what decides between good and better trials."""
    table = pd.DataFrame(importance.items(), columns=["setting", "importance"])
    chart = (
        alt.Chart(table, width="container", height=24 * max(len(table), 1))
        .mark_bar()
        .encode(
            x=alt.X("importance:Q", axis=alt.Axis(format="%")),
            y=alt.Y("setting:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
            tooltip=["setting:N", alt.Tooltip("importance:Q", format=".1%")],
        )
    )
    how = "By PED-ANOVA, from complete trials." if len(table) else "Too few trials to tell."
    return themed(chart, f"Tuning of {model}: what matters", how, data.title)
