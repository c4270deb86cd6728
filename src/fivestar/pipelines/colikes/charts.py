"""Cost against epoch, as plotly figures."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from fivestar.pipelines.evaluation.charts import COLORS


def draw_costs(runs: list[dict[str, Any]], *, optimizer: str) -> go.Figure:
    """The cost of every run of one optimiser, on a logarithmic axis; a cross where it diverged."""
    figure = go.Figure()
    of_optimizer = [run for run in runs if run["tags"]["optimizer"] == optimizer]
    for run, color in zip(of_optimizer, COLORS, strict=False):
        costs = run["curves"]["cost"]
        rate, failed = run["tags"]["learning_rate"], run["failure"] is not None
        figure.add_scatter(
            x=list(range(len(costs))),
            y=costs,
            name=f"rate {rate}, {run['failure']}" if failed else f"rate {rate}",
            mode="lines+markers" if failed else "lines",
            line={"color": color, "dash": "dot" if failed else "solid"},
            marker={"symbol": "x", "size": [0] * (len(costs) - 1) + [10] if failed else 0},
        )
    figure.update_layout(
        title=f"Co-likes: cost by epoch, {optimizer}",
        template="plotly_white",
        legend={"orientation": "h", "y": -0.2},
        margin={"l": 60, "r": 40, "t": 60, "b": 60},
        showlegend=True,
    )
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title="cost (co-likes squared)", type="log")
    return figure
