"""Charts of where a model errs."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from fivestar.analysis.residuals import calibration, histogram
from fivestar.pipelines.inspection.choosing import Inspected
from fivestar.reporting.charts import COLORS, GREY, Chart, themed

N_BINS = 20
"""Of predictions, on the scale."""
N_RESIDUAL_BINS = 64
"""Of residuals, over twice the scale: an eighth of a rating on a scale of 1 to 5."""


def draw_calibration(inspected: Inspected, outcomes: pd.DataFrame) -> Chart:
    """Mean rating against mean prediction, with the line where both agree."""
    ends = inspected.scale
    own = outcomes[outcomes["model"] == inspected.name]
    table = calibration(own["rating"], own["prediction"], ends, N_BINS).round(3)
    table = table.assign(
        low=table["low"].clip(lower=ends.lowest), high=table["high"].clip(upper=ends.highest)
    )
    domain = [min(ends.lowest, *table["predicted"]), max(ends.highest, *table["predicted"])]
    scale = alt.Scale(domain=domain, nice=False, padding=6)
    x = alt.X("predicted:Q", scale=scale, title="predicted rating")
    y = alt.Y("actual:Q", scale=scale, title="mean rating")
    base = alt.Chart(table, width="container", height=320)
    intervals = base.mark_rule(color=COLORS[0], clip=True).encode(
        x=x, y=alt.Y("low:Q", scale=scale, title="mean rating"), y2="high:Q"
    )
    points = base.mark_circle(color=COLORS[0], opacity=1).encode(
        x=x,
        y=y,
        size=alt.Size("n_ratings:Q", legend=None, scale=alt.Scale(range=[20, 260])),
        tooltip=[
            alt.Tooltip("predicted:Q"),
            alt.Tooltip("actual:Q", title="mean rating"),
            alt.Tooltip("n_ratings:Q", title="ratings", format=","),
        ],
    )
    return themed(
        _diagonal(x, y, predicted=domain, actual=domain) + intervals + points,
        f"Calibration of {inspected.name}",
        "On the dashed line predictions are right on average.",
        inspected.data_title,
    )


def draw_residuals(inspected: Inspected, outcomes: pd.DataFrame) -> Chart:
    """Histogram of rating less prediction, and a normal distribution of the same moments."""
    own = outcomes[outcomes["model"] == inspected.name]
    residuals = (own["rating"] - own["prediction"]).to_numpy()
    table = histogram(residuals, inspected.scale, N_RESIDUAL_BINS)
    table = table.assign(middle=(table["low"] + table["high"]) / 2).round(4)
    shown = table[(table["share"] > 0) | (table["normal"] > 1e-4)]
    base = alt.Chart(shown, width="container", height=320)
    bars = base.mark_bar(color=COLORS[0], opacity=0.85).encode(
        x=alt.X("low:Q", bin="binned", title="rating less prediction"),
        x2="high:Q",
        y=alt.Y("share:Q", title="share of ratings", axis=alt.Axis(format="%")),
        tooltip=["low:Q", "high:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    curve = base.mark_line(color=COLORS[2], interpolate="monotone").encode(
        x="middle:Q", y="normal:Q"
    )
    told = f"Mean {np.mean(residuals):+.3f}, standard deviation {np.std(residuals):.3f}"
    return themed(bars + curve, f"Residuals of {inspected.name}", told, inspected.data_title)


def draw_errors(inspected: Inspected, grouped: pd.DataFrame) -> tuple[Chart, Chart]:
    """RMSE in groups of few to many train ratings of the item, and of the user."""
    return (
        _errors_by("item", "Error by popularity of the item", inspected, grouped),
        _errors_by("user", "Error by activity of the user", inspected, grouped),
    )


def _errors_by(by: str, title: str, inspected: Inspected, grouped: pd.DataFrame) -> Chart:
    own = grouped[grouped["by"] == by]
    models = own["model"].drop_duplicates().tolist()
    order = own.drop_duplicates("group").sort_values("min_count")["group"].tolist()
    lowest, highest = own["rmse"].min(), own["rmse"].max()
    room = 0.15 * (highest - lowest) or 0.1
    scale = alt.Scale(domain=[max(lowest - room, 0), highest + room], nice=False)
    colors = alt.Scale(domain=models, range=[COLORS[0], GREY][: len(models)])
    base = alt.Chart(own.drop(columns="by"), width="container", height=300).encode(
        x=alt.X("group:N", sort=order, title=f"train ratings of the {by}").axis(labelAngle=-40),
        y=alt.Y("rmse:Q", title="RMSE", scale=scale),
        color=alt.Color("model:N", scale=colors),
        tooltip=[
            "model:N",
            alt.Tooltip("group:N", title="train ratings"),
            alt.Tooltip("rmse:Q", title="RMSE", format=".4f"),
            alt.Tooltip("mean_error:Q", title="mean error", format="+.3f"),
            alt.Tooltip("n_ratings:Q", title="validation ratings", format=","),
        ],
    )
    chart = base.mark_line() + base.mark_circle(size=55, opacity=1)
    told = "Groups of about equally many validation ratings."
    return themed(chart, title, told, inspected.data_title)


def draw_coverage(inspected: Inspected, coverages: pd.DataFrame) -> Chart:
    """Fraction of ratings inside intervals against the fraction that is promised."""
    scale, percent = alt.Scale(domain=[0, 1]), alt.Axis(format="%")
    x = alt.X("nominal:Q", scale=scale, title="nominal fraction", axis=percent)
    y = alt.Y("observed:Q", scale=scale, title="observed fraction", axis=percent)
    base = alt.Chart(coverages.round(4), width="container", height=320).encode(
        x=x,
        y=y,
        tooltip=[alt.Tooltip(f"{name}:Q", format=".1%") for name in ("nominal", "observed")],
    )
    line, points = base.mark_line(color=COLORS[0]), base.mark_circle(size=45, opacity=1)
    ends, told = [0.0, 1.0], "On the dashed line they hold what they promise."
    if coverages.empty:
        ends, told = [], f"None: {inspected.name} gives numbers, not probabilities of ratings."
    chart = _diagonal(x, y, nominal=ends, observed=ends) + line + points
    return themed(chart, f"Intervals of {inspected.name}", told, inspected.data_title)


def _diagonal(x: alt.X, y: alt.Y, **ends: list[float]) -> alt.Chart:
    """The dashed line where both axes agree."""
    base = alt.Chart(pd.DataFrame(ends)).mark_line(color=GREY, strokeDash=[4, 4])
    line: alt.Chart = base.encode(x=x, y=y)
    return line
