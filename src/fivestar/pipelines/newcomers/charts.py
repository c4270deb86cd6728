"""How the error falls while people answer."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.pipelines.newcomers.settings import NewcomersSettings
from fivestar.reporting.charts import COLORS, Chart, dressed


def draw_models(errors: pd.DataFrame, settings: NewcomersSettings) -> Chart:
    """RMSE by number of answers, a line a model; the bias model dashed."""
    shown = errors[errors["strategy"] == settings.strategy]
    names = [name for name in settings.models if name in set(shown["model"])]
    shown = shown[shown["model"].isin(names)]
    people = int(shown["n_people"].iloc[0]) if len(shown) else 0
    return dressed(
        _lines(shown, "answers", "model", names, "answers", dashed="bias"),
        "How well newcomers are predicted",
        f"{people:,} held-out people, asked by {settings.strategy}.",
    )


def draw_strategies(errors: pd.DataFrame, settings: NewcomersSettings) -> Chart:
    """RMSE of one model by number of questions, a line a strategy; random dashed."""
    names = list(dict.fromkeys(errors["strategy"]))
    return dressed(
        _lines(errors, "questions", "strategy", names, "questions asked", dashed="random"),
        "Which questions tell most",
        f"RMSE of {settings.factor_model} on held-out people.",
    )


def _lines(
    errors: pd.DataFrame, x: str, color: str, names: list[str], title: str, dashed: str
) -> Any:
    table = errors.assign(rmse=errors["rmse"].round(4))
    dashes = [[5, 4] if name == dashed else [1, 0] for name in names]
    colors = [COLORS[n % len(COLORS)] for n in range(len(names))]
    key = alt.Legend(symbolType="stroke", symbolStrokeWidth=2)
    chosen = alt.selection_point(fields=[color], bind="legend")
    extra = [c for c in ("mean_questions", "mean_answers") if c in table]
    base = alt.Chart(table, width="container", height=320).encode(
        x=alt.X(f"{x}:Q", title=title, axis=alt.Axis(format="d", tickMinStep=1, tickCount=10)),
        y=alt.Y("rmse:Q", title="RMSE (stars)", scale=alt.Scale(zero=False)),
        color=alt.Color(f"{color}:N", scale=alt.Scale(domain=names, range=colors), legend=key),
        strokeDash=alt.StrokeDash(
            f"{color}:N", scale=alt.Scale(domain=names, range=dashes), legend=key
        ),
        opacity=alt.condition(chosen, alt.value(1), alt.value(0.1)),
        tooltip=[
            f"{color}:N",
            f"{x}:Q",
            alt.Tooltip("rmse:Q", format=".4f"),
            *(f"{c}:Q" for c in extra),
        ],
    )
    lines: Any = base.mark_line() + base.mark_point(filled=True, size=30)
    return lines.add_params(chosen)
