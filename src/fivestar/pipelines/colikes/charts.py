"""Cost against epoch."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.ratings import TrainingData
from fivestar.reporting.charts import Chart, dressed


def draw_costs(runs: list[dict[str, Any]], data: TrainingData) -> tuple[Chart, Chart]:
    """The cost of every run of ``adam`` and of ``sgd``, on a logarithmic axis."""
    return _draw(runs, data, "adam"), _draw(runs, data, "sgd")


def _draw(runs: list[dict[str, Any]], data: TrainingData, optimizer: str) -> Chart:
    points, ends = [], []
    for run in runs:
        if run["tags"]["optimizer"] != optimizer:
            continue
        name, costs = f"rate {run['tags']['learning_rate']}", run["curves"]["cost"]
        if run["failure"] is not None:
            name += f", {run['failure']}"
            ends.append({"run": name, "epoch": len(costs) - 1, "cost": costs[-1]})
        points += [{"run": name, "epoch": n, "cost": cost} for n, cost in enumerate(costs)]
    names = list(dict.fromkeys(point["run"] for point in points))

    def drawn(rows: list[dict[str, Any]]) -> alt.Chart:
        table = pd.DataFrame(rows, columns=["run", "epoch", "cost"])
        return alt.Chart(table, width="container", height=320).encode(
            x=alt.X("epoch:Q"),
            y=alt.Y("cost:Q", scale=alt.Scale(type="log"), title="cost (co-likes squared)"),
            color=alt.Color("run:N", sort=names),
            tooltip=["run:N", "epoch:Q", alt.Tooltip("cost:Q", format=".4g")],
        )

    crosses = drawn(ends).mark_point(shape="cross", angle=45, size=90, filled=True)
    subtitle = f"A cross where a run diverged. {data.title}."
    return dressed(
        drawn(points).mark_line() + crosses, f"Co-likes: cost by epoch, {optimizer}", subtitle
    )
