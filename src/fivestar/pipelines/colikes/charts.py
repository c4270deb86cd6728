"""Cost against epoch."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.ratings import TrainingData
from fivestar.reporting.charts import Chart, themed


def draw_costs(runs: list[dict[str, Any]], data: TrainingData) -> tuple[Chart, Chart]:
    """The cost of every run of ``adam`` and of ``sgd``, on a logarithmic axis."""
    return _draw(runs, data, "adam"), _draw(runs, data, "sgd")


def _draw(runs: list[dict[str, Any]], data: TrainingData, optimizer: str) -> Chart:
    points = []
    for run in runs:
        if run["tags"]["optimizer"] == optimizer:
            costs, failure = run["curves"]["cost"], run["failure"]
            name = f"rate {run['tags']['learning_rate']}" + (f", {failure}" if failure else "")
            last = len(costs) - 1 if failure else None
            points += [(name, epoch, cost, epoch == last) for epoch, cost in enumerate(costs)]
    table = pd.DataFrame(points, columns=["run", "epoch", "cost", "diverged"])
    base = alt.Chart(table, width="container", height=320).encode(
        x=alt.X("epoch:Q"),
        y=alt.Y("cost:Q", scale=alt.Scale(type="log"), title="cost (co-likes squared)"),
        color=alt.Color("run:N", sort=table["run"].unique().tolist()),
        tooltip=["run:N", "epoch:Q", alt.Tooltip("cost:Q", format=".4g")],
    )
    crosses = base.mark_point(shape="cross", angle=45, size=90, filled=True)
    chart = base.mark_line() + crosses.transform_filter("datum.diverged")
    subtitle = f"A cross where a run diverged. {data.title}."
    return themed(chart, f"Co-likes: cost by epoch, {optimizer}", subtitle)
