"""Pictures of the drift. Altair is imported where it draws: most commands need it not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fivestar.pipelines.monitoring.checks import DECISION, NOT_CHECKED, OK, RETRAIN, WATCH
from fivestar.ratings import TrainingData
from fivestar.reporting.charts import COLORS, GREY, Chart, themed

BLUE, AMBER, RED = COLORS[:3]
VERDICTS = {OK: BLUE, WATCH: AMBER, RETRAIN: RED}
FARTHEST = 3.0
"""Times the limit that the picture of the checks reaches."""
PARTS = {"earlier": GREY, "new": BLUE}


def draw_checks(checks: pd.DataFrame, data: TrainingData) -> Chart:
    """How far each check is from its limit, with its interval."""
    import altair as alt

    decision = checks.loc[checks["check"] == DECISION, "finding"].item()
    shown = checks[~checks["check"].isin([DECISION]) & (checks["verdict"] != NOT_CHECKED)]
    shares = shown[["drift", "low", "high"]].div(shown["limit"], axis=0).clip(0, FARTHEST)
    shown = shown[["check", "verdict", "finding"]].join(shares)
    order = shown["check"].tolist()
    base = alt.Chart(shown, width="container", height=26 * max(len(shown), 1)).encode(
        y=alt.Y("check:N", sort=order, title=None),
        color=alt.Color(
            "verdict:N", scale=alt.Scale(domain=list(VERDICTS), range=list(VERDICTS.values()))
        ),
        tooltip=["check:N", "verdict:N", "finding:N"],
    )
    scale = alt.Scale(domain=[0, FARTHEST])
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("drift:Q", scale=scale, title="drift, in times its limit (3 or more at the edge)")
    )
    intervals = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q")
    limit = alt.Chart(pd.DataFrame({"at": [1.0]})).mark_rule(strokeDash=[4, 3]).encode(x="at:Q")
    told = "Lines: intervals. One that lies right of 1 as a whole says retrain."
    return themed(limit + intervals + points, decision, told, data.title)


def draw_stars(shares: pd.DataFrame, data: TrainingData) -> Chart:
    """Bars of the share of each rating, before and now."""
    import altair as alt

    long = shares.melt("rating", list(PARTS), var_name="part", value_name="share")
    chart = (
        alt.Chart(long, width="container", height=240)
        .mark_bar()
        .encode(
            x=alt.X("rating:O", title="rating", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("part:N", sort=list(PARTS)),
            y=alt.Y("share:Q", title="share of the ratings", axis=alt.Axis(format="%")),
            color=_parts(alt),
            tooltip=["part:N", "rating:O", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    return themed(chart, "The stars that are given", "Earlier: train and validation.", data.title)


def draw_items(shares: pd.DataFrame, data: TrainingData) -> Chart:
    """The items whose share of the ratings has changed most."""
    import altair as alt

    long = shares.melt(
        ["item", "shown", "change"], list(PARTS), var_name="part", value_name="share"
    )
    base = alt.Chart(long, width="container", height=18 * max(len(shares), 3)).encode(
        y=alt.Y("shown:N", sort=shares["shown"].tolist(), title=None)
    )
    lines = base.mark_line(color=GREY).encode(x="share:Q", detail="item:N")
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=alt.X("share:Q", title="share of the ratings", axis=alt.Axis(format=".1%")),
        color=_parts(alt),
        tooltip=["shown:N", "part:N", alt.Tooltip("share:Q", format=".2%")],
    )
    told = "Those that rose most above, those that fell most below."
    return themed(lines + points, "The items that are rated", told, data.title)


def draw_windows(windows: pd.DataFrame, checks: pd.DataFrame, data: TrainingData) -> Chart:
    """RMSE of the new ratings by time beside that on test, and the limit."""
    import altair as alt

    told = "Known users and items. Lines: intervals. Grey: before; dashed: the limit."
    latest = checks.set_index("check").loc["latest_rmse"]
    windows = windows.dropna(subset="rmse")
    windows = windows.assign(when=windows["first"] + " to " + windows["last"])
    levels = pd.DataFrame(
        {"at": [latest["reference"], latest["reference"] + latest["limit"]], "limit": [0, 1]}
    ).dropna()
    values = np.concatenate([windows[["rmse", "low", "high"]].to_numpy().ravel(), levels["at"]])
    room = [np.nanmin(values), np.nanmax(values)] if len(windows) else [0.0, 1.0]
    y = alt.Y("rmse:Q", title="RMSE", scale=alt.Scale(domain=room, zero=False, padding=12))
    base = alt.Chart(windows, width="container", height=260).encode(
        x=alt.X("window:O", title="window of the new ratings, by time", axis=alt.Axis(labelAngle=0))
    )
    dates = [
        *("when:N", "n_ratings:Q", "n_users:Q"),
        *(alt.Tooltip("rmse:Q", format=".4f"), alt.Tooltip("unknown:Q", format=".1%")),
    ]
    chart: Any = (
        alt.Chart(levels)
        .mark_rule(color=GREY, strokeWidth=1.5)
        .encode(
            y="at:Q",
            strokeDash=alt.condition("datum.limit == 1", alt.value([5, 4]), alt.value([1, 0])),
        )
        + base.mark_rule(color=BLUE, strokeWidth=1.5).encode(y="low:Q", y2="high:Q")
        + base.mark_line(color=BLUE).encode(y=y)
        + base.mark_point(filled=True, color=BLUE, size=60, opacity=1).encode(y=y, tooltip=dates)
    )
    return themed(chart, "The champion's error over time", told, data.title)


def draw_reliability(stars: pd.DataFrame, data: TrainingData) -> Chart:
    """How much more often each rating is given than predicted, before and now."""
    import altair as alt

    gaps = stars.rename(columns={"gap": "new", "earlier_gap": "earlier"})
    long = gaps.melt("rating", list(PARTS), var_name="part", value_name="gap")
    ends = stars.assign(
        part="new",
        low=stars["earlier_gap"] + stars["low"],
        high=stars["earlier_gap"] + stars["high"],
    )
    long = long.merge(ends[["rating", "part", "low", "high"]], "left", ["rating", "part"])
    reach = np.nanmax([0.01, *long[["gap", "low", "high"]].abs().max()])
    scale = alt.Scale(domain=[-reach, reach])
    base = alt.Chart(long, width="container", height=240).encode(
        x=alt.X("rating:O", title="rating", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("part:N", sort=list(PARTS)),
    )
    bars = base.mark_bar().encode(
        y=alt.Y("gap:Q", title="given minus predicted", axis=alt.Axis(format="+%"), scale=scale),
        color=_parts(alt),
        tooltip=["part:N", "rating:O", alt.Tooltip("gap:Q", format="+.1%")],
    )
    intervals = base.mark_rule(strokeWidth=1.5).encode(y="low:Q", y2="high:Q")
    told = "Lines: where the new gap may lie. One that leaves out the grey bar's end has changed."
    if stars.empty:
        told = "Not checked: the model gives no probabilities of single ratings."
    return themed(bars + intervals, "Predicted probabilities and ratings", told, data.title)


def _parts(alt: Any) -> Any:
    return alt.Color("part:N", scale=alt.Scale(domain=list(PARTS), range=list(PARTS.values())))
