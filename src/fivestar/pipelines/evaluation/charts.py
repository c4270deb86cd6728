"""Pictures of the comparison, as plotly figures."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

COLORS = [
    *("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951"),
    *("#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0"),
]
"""One for each model, told apart by colour-blind readers too; repeated past ten."""


def draw_leaderboard(leaderboard: pd.DataFrame) -> go.Figure:
    """Bars of the RMSE on validation and test, the best model on top."""
    worst_first = leaderboard[::-1]
    parts = {"validation_rmse": ("validation", COLORS[0]), "test_rmse": ("test", COLORS[1])}
    figure = go.Figure(
        [
            go.Bar(
                y=worst_first["model"].tolist(),
                x=worst_first[column].tolist(),
                name=name,
                marker_color=color,
                orientation="h",
                text=[f"{value:.4f}" for value in worst_first[column]],
                textposition="outside",
                cliponaxis=False,
            )
            for column, (name, color) in parts.items()
            if worst_first[column].notna().any()
        ]
    )
    figure.update_layout(**layout("RMSE by model: less is better"), barmode="group", bargap=0.25)
    figure.update_xaxes(title="RMSE (stars)", rangemode="tozero")
    figure.update_yaxes(automargin=True)
    return figure


def draw_learning_curves(
    *histories: dict[str, Any], models: list[str], from_step: int
) -> go.Figure:
    """RMSE by step: validation drawn through, train dotted, one colour a model."""
    figure = go.Figure()
    for number, (model, history) in enumerate(zip(models, histories, strict=True)):
        shown = [at for at, step in enumerate(history.get("steps", [])) if step >= from_step]
        if len(shown) < 2:
            continue
        for part, dash in (("validation", "solid"), ("train", "dot")):
            curve = history[f"{part}_rmse"]
            if not curve:
                continue
            figure.add_scatter(
                x=[history["steps"][at] for at in shown],
                y=[curve[at] for at in shown],
                name=f"{model}, {part}",
                legendgroup=model,
                mode="lines",
                line={"color": COLORS[number % len(COLORS)], "dash": dash},
            )
    since = f" from step {from_step}" if from_step else ""
    figure.update_layout(**layout(f"Learning curves{since}"))
    figure.update_xaxes(title="step")
    figure.update_yaxes(title="RMSE (stars)")
    return figure


def layout(title: str) -> dict[str, Any]:
    """What all pictures have in common."""
    return {
        "title": title,
        "template": "plotly_white",
        "legend": {"orientation": "h", "y": -0.2},
        "margin": {"l": 60, "r": 40, "t": 60, "b": 60},
    }
