"""How the error falls while users answer."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.pipelines.cold_start.settings import ColdStartSettings
from fivestar.ratings import TrainingData
from fivestar.reporting.charts import COLORS, Chart, themed


def draw_errors(errors: pd.DataFrame, data: TrainingData, settings: ColdStartSettings) -> Chart:
    """RMSE by number of answers, a line a model; the bias model dashed."""
    shown = errors[errors["strategy"] == settings.strategy]
    names = [name for name in settings.models if name in set(shown["model"])]
    shown = shown[shown["model"].isin(names)]
    return themed(
        _lines(shown, "answers", "model", names, "answers", dashed="bias"),
        "How well cold-start users are predicted",
        f"{shown['n_users'].max():,} held-out users, asked by {settings.strategy}.",
        data.title,
    )


def draw_questions(
    questions: pd.DataFrame, data: TrainingData, settings: ColdStartSettings
) -> Chart:
    """RMSE of one model by number of questions, a line a strategy; random dashed."""
    names = questions["strategy"].unique().tolist()
    return themed(
        _lines(questions, "questions", "strategy", names, "questions asked", dashed="random"),
        "Which questions tell most",
        f"RMSE of {settings.factor_model} on held-out users.",
        data.title,
    )


def _lines(
    errors: pd.DataFrame, x: str, color: str, names: list[str], title: str, dashed: str
) -> Any:
    dashes = [[5, 4] if name == dashed else [1, 0] for name in names]
    colors = [COLORS[n % len(COLORS)] for n in range(len(names))]
    key = alt.Legend(symbolType="stroke", symbolStrokeWidth=2)
    chosen = alt.selection_point(fields=[color], bind="legend")
    effort = [f"{c}:Q" for c in ("mean_questions", "mean_answers") if c in errors]
    base = alt.Chart(errors.round({"rmse": 4}), width="container", height=320).encode(
        x=alt.X(f"{x}:Q", title=title, axis=alt.Axis(format="d", tickMinStep=1, tickCount=10)),
        y=alt.Y("rmse:Q", title="RMSE", scale=alt.Scale(zero=False)),
        color=alt.Color(f"{color}:N", scale=alt.Scale(domain=names, range=colors), legend=key),
        strokeDash=alt.StrokeDash(
            f"{color}:N", scale=alt.Scale(domain=names, range=dashes), legend=key
        ),
        opacity=alt.condition(chosen, alt.value(1), alt.value(0.1)),
        tooltip=[f"{color}:N", f"{x}:Q", alt.Tooltip("rmse:Q", format=".4f"), *effort],
    )
    lines: Any = base.mark_line() + base.mark_point(filled=True, size=30)
    return lines.add_params(chosen)
