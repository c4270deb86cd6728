"""Pictures of where a model errs."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from fivestar.analysis.residuals import calibration, histogram
from fivestar.ratings import Scale
from fivestar.reporting.charts import COLORS, Chart, dressed

GREY = COLORS[-1]
N_BINS = 20
"""Of predictions, on the scale."""
N_RESIDUAL_BINS = 64
"""Of residuals, over twice the scale: an eighth of a star of 1 to 5."""


def draw_calibration(name: str, outcomes: pd.DataFrame, scale_of_stars: Scale) -> Chart:
    """Mean rating against mean prediction, with the line where both agree."""
    own = outcomes[outcomes["model"] == name]
    bins = calibration(own["rating"], own["prediction"], scale_of_stars, N_BINS).round(3)
    table = bins.assign(low=bins["low"].clip(lower=scale_of_stars.lowest))
    table["high"] = table["high"].clip(upper=scale_of_stars.highest)
    seen = bins["predicted"]
    domain = [min(scale_of_stars.lowest, *seen), max(scale_of_stars.highest, *seen)]
    scale = alt.Scale(domain=domain, nice=False, padding=6)
    line = (
        alt.Chart(pd.DataFrame({"predicted": domain, "actual": domain}))
        .mark_line(color=GREY, strokeDash=[4, 4])
        .encode(x=alt.X("predicted:Q", scale=scale), y=alt.Y("actual:Q", scale=scale))
    )
    base = alt.Chart(table, width="container", height=320).encode(
        x=alt.X("predicted:Q", scale=scale, title="predicted (stars)")
    )
    bars = base.mark_rule(color=COLORS[0], clip=True).encode(
        y=alt.Y("low:Q", scale=scale, title="given, on average (stars)"), y2="high:Q"
    )
    points = base.mark_circle(color=COLORS[0], opacity=1).encode(
        y=alt.Y("actual:Q", scale=scale),
        size=alt.Size("n_ratings:Q", legend=None, scale=alt.Scale(range=[20, 260])),
        tooltip=[
            alt.Tooltip("predicted:Q"),
            alt.Tooltip("actual:Q", title="given"),
            alt.Tooltip("n_ratings:Q", title="ratings", format=","),
        ],
    )
    return dressed(
        line + bars + points,
        f"Calibration of {name}",
        "On the dashed line predictions are right on average.",
    )


def draw_residuals(name: str, outcomes: pd.DataFrame, scale: Scale) -> Chart:
    """Histogram of rating less prediction, and the normal distribution of its mean and spread."""
    own = outcomes[outcomes["model"] == name]
    residuals = (own["rating"] - own["prediction"]).to_numpy()
    table = histogram(residuals, scale, N_RESIDUAL_BINS)
    table = table.assign(middle=(table["low"] + table["high"]) / 2).round(4)
    shown = table[(table["share"] > 0) | (table["normal"] > 1e-4)]
    base = alt.Chart(shown, width="container", height=320)
    bars = base.mark_bar(color=COLORS[0], opacity=0.85).encode(
        x=alt.X("low:Q", bin="binned", title="rating less prediction (stars)"),
        x2="high:Q",
        y=alt.Y("share:Q", title="share of ratings", axis=alt.Axis(format="%")),
        tooltip=["low:Q", "high:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    curve = base.mark_line(color=COLORS[2], interpolate="monotone").encode(
        x="middle:Q", y="normal:Q"
    )
    return dressed(
        bars + curve,
        f"Residuals of {name}",
        f"Mean {np.mean(residuals):+.3f}, standard deviation {np.std(residuals):.3f} stars",
    )


def draw_errors(grouped: pd.DataFrame, *, by: str) -> Chart:
    """RMSE in groups of few to many train ratings of the item, or of the user."""
    own = grouped[grouped["by"] == by]
    models = own["model"].drop_duplicates().tolist()
    order = own.drop_duplicates("group").sort_values("least")["group"].tolist()
    least, most = own["rmse"].min(), own["rmse"].max()
    room = 0.15 * (most - least) if most > least else 0.1
    base = alt.Chart(own.drop(columns="by"), width="container", height=300).encode(
        x=alt.X("group:N", sort=order, title=f"train ratings of the {by}").axis(labelAngle=-40),
        y=alt.Y(
            "rmse:Q",
            title="RMSE (stars)",
            scale=alt.Scale(domain=[max(least - room, 0), most + room], nice=False)
            if len(own)
            else alt.Undefined,
        ),
        color=alt.Color(
            "model:N", scale=alt.Scale(domain=models, range=[COLORS[0], GREY][: len(models)])
        ),
        tooltip=[
            "model:N",
            alt.Tooltip("group:N", title="train ratings"),
            alt.Tooltip("rmse:Q", title="RMSE", format=".4f"),
            alt.Tooltip("mean_error:Q", title="mean error", format="+.3f"),
            alt.Tooltip("n_ratings:Q", title="validation ratings", format=","),
        ],
    )
    what = {"item": "popularity of the item", "user": "activity of the user"}[by]
    return dressed(
        base.mark_line() + base.mark_circle(size=55, opacity=1),
        f"Error by {what}",
        "Groups of about equally many validation ratings.",
    )


def draw_coverages(name: str, coverages: pd.DataFrame) -> Chart:
    """Share of ratings inside intervals against the share that is promised."""
    scale = alt.Scale(domain=[0, 1])
    line = (
        alt.Chart(pd.DataFrame({"nominal": [0, 1], "observed": [0, 1]}))
        .mark_line(color=GREY, strokeDash=[4, 4])
        .encode(x=alt.X("nominal:Q", scale=scale), y=alt.Y("observed:Q", scale=scale))
    )
    base = alt.Chart(coverages.round(4), width="container", height=320).encode(
        x=alt.X("nominal:Q", scale=scale, title="nominal share", axis=alt.Axis(format="%")),
        y=alt.Y("observed:Q", scale=scale, title="observed share", axis=alt.Axis(format="%")),
        tooltip=[alt.Tooltip(f"{share}:Q", format=".1%") for share in ("nominal", "observed")],
    )
    told = (
        "On the dashed line they hold what they promise."
        if len(coverages)
        else f"None: {name} gives numbers, not chances of stars."
    )
    drawn = base.mark_line(color=COLORS[0]) + base.mark_circle(color=COLORS[0], size=45, opacity=1)
    return dressed(line + drawn, f"Intervals of {name}", told)
