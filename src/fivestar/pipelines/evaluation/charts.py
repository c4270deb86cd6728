"""Pictures of the comparison. Altair is imported where it draws: most commands need it not."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fivestar.ratings import DescribedSplit, TrainingData
from fivestar.reporting.charts import COLORS, REST, Chart, themed

MAX_LABELS = 10
"""Models in a matrix whose cells have room for numbers."""
LOWER, HIGHER = [COLORS[0], "#d3dcf5"], ["#ffdcd6", COLORS[2]]
"""Colours of differences, from the largest below 0 to the largest above."""

CLOCK = "\u23f1 "
"""Before the name of a model that uses times."""


def draw_leaderboard(
    leaderboard: pd.DataFrame, data: TrainingData | DescribedSplit, *, time_aware: list[str]
) -> Chart:
    """Bars of the RMSE on validation and test, the best model on top; lines: the interval.

    Names of models that use times begin with a clock, and stand below all others.
    """
    import altair as alt

    told_times = leaderboard["model"].isin(time_aware)
    leaderboard = leaderboard.assign(
        model=leaderboard["model"].where(~told_times, CLOCK + leaderboard["model"])
    )
    note = f"{CLOCK}: told when the rating was given." if told_times.any() else ""
    columns = {"validation_rmse": "validation", "test_rmse": "test"}
    long = (
        leaderboard.rename(columns=columns)
        .melt("model", list(columns.values()), var_name="part", value_name="rmse")
        .dropna()
    )
    ends = leaderboard.set_index("model")[["test_rmse_low", "test_rmse_high"]]
    ends = ends.set_axis(["low", "high"], axis=1).assign(part="test").reset_index()
    long = long.merge(ends, "left", ["model", "part"])
    long["label_at"] = long["high"].fillna(long["rmse"])
    most = long["label_at"].max()  # and room for its label
    base = alt.Chart(long, width="container", height=26 * len(leaderboard)).encode(
        x=alt.X("rmse:Q", title="RMSE", scale=alt.Scale(domain=[0, 1.25 * most])),
        y=alt.Y("model:N", sort=leaderboard["model"].tolist(), title=None),
        yOffset=alt.YOffset("part:N", sort=list(columns.values())),
        tooltip=["model:N", "part:N", alt.Tooltip("rmse:Q", format=".4f")],
    )
    colors = alt.Scale(domain=list(columns.values()), range=COLORS[:2])
    bars = base.mark_bar().encode(color=alt.Color("part:N", scale=colors))
    intervals = base.mark_rule(strokeWidth=1.5).encode(x="low:Q", x2="high:Q")
    labels = base.mark_text(align="left", dx=3, fontSize=10).encode(
        x="label_at:Q", text=alt.Text("rmse:Q", format=".4f")
    )
    told = "Less is better. Lines: the interval of the test RMSE."
    return themed(bars + intervals + labels, "RMSE by model", told, note, data.title)


def draw_differences(
    differences: pd.DataFrame, leaderboard: pd.DataFrame, data: TrainingData | DescribedSplit
) -> Chart:
    """A matrix of all pairs in the order of the leaderboard: which differences are real."""
    import altair as alt

    pairs = differences.rename(columns={"model_a": "model", "model_b": "other"})
    mirrored = pairs.rename(columns={"model": "other", "other": "model"})
    mirrored[["difference", "low", "high"]] = -pairs[["difference", "high", "low"]]
    cells = pd.concat([pairs, mirrored]).drop(columns="p_value")
    cells["size"] = cells["difference"].abs().map("{:.3f}".format).str.removeprefix("0")
    models = leaderboard["model"].tolist()
    most = max(cells["difference"].abs().max(), 1e-9) if len(cells) else 1.0
    scale = alt.Scale(domain=[-most, -1e-12, 1e-12, most], range=LOWER + HIGHER)
    numbers = [alt.Tooltip(f"{name}:Q", format="+.4f") for name in ("difference", "low", "high")]
    base = alt.Chart(cells, width="container", height=max(24 * len(models), 60)).encode(
        x=alt.X("other:N", sort=models, title=None, axis=alt.Axis(orient="top", labelAngle=-90)),
        y=alt.Y("model:N", sort=models, title=None),
        tooltip=["model:N", "other:N", *numbers, alt.Tooltip("p_holm:Q", format=".4f")],
    )
    real = alt.condition(
        "datum.significant", alt.Color("difference:Q", scale=scale, legend=None), alt.value(REST)
    )
    chart = base.mark_rect(stroke="white", strokeWidth=1).encode(color=real)
    if len(models) <= MAX_LABELS:
        chart += base.mark_text(fontSize=10).encode(text="size:N")
    return themed(
        chart,
        "Which differences of the test RMSE are real",
        "Blue: the row's model is better. Red: the column's is.",
        "Grey: the difference is not significant.",
        data.title,
    )


def draw_learning_curves(
    data: TrainingData, *, from_step: int, **histories: dict[str, Any]
) -> Chart:
    """RMSE by step: validation drawn through, train dashed, one colour a model."""
    import altair as alt

    points = [
        {"model": model, "part": part, "step": step, "rmse": rmse}
        for model, history in histories.items()
        for part in ("validation", "train")
        for step, rmse in _shown(history, part, from_step)
    ]
    curves = pd.DataFrame(points, columns=["model", "part", "step", "rmse"])
    # A curve that diverges leaves through the top, and the others can still be read.
    top = min(curves["rmse"].max(), 3 * curves["rmse"].median())
    models = list(histories)
    drawn = [model for model in models if model in set(curves["model"])]
    chosen = alt.selection_point("chosen", fields=["model"], bind="legend")
    chart = (
        alt.Chart(curves, width="container", height=320)
        .mark_line(clip=True)
        .encode(
            x=alt.X("step:Q", scale=alt.Scale(zero=from_step == 0, nice=False)),
            y=alt.Y(
                "rmse:Q",
                scale=alt.Scale(zero=False, domainMax=top) if len(curves) else alt.Scale(),
                title="RMSE",
            ),
            color=alt.Color("model:N", scale=alt.Scale(domain=drawn, range=_colors(models, drawn))),
            strokeDash=alt.StrokeDash("part:N", sort=["validation", "train"]),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.1)),
            tooltip=["model:N", "part:N", "step:Q", alt.Tooltip("rmse:Q", format=".4f")],
        )
        .add_params(chosen)
    )
    since = f" from step {from_step}" if from_step else ""
    how = "Click a model in the legend to see it alone."
    return themed(chart, f"Learning curves{since}", how, data.title)


def _shown(history: dict[str, Any], part: str, from_step: int) -> list[tuple[int, float]]:
    """Steps and RMSE; none of a model that has no curve there."""
    steps, curve = history.get("steps", []), history.get(f"{part}_rmse", [])
    points = [(step, rmse) for step, rmse in zip(steps, curve, strict=False) if step >= from_step]
    return points if len(points) > 1 else []


def _colors(models: list[str], drawn: list[str]) -> list[str]:
    return [COLORS[models.index(model) % len(COLORS)] for model in drawn]
