"""Cost against epoch."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.reporting.charts import Chart, dressed


def draw_costs(runs: list[dict[str, Any]], *, optimizer: str) -> Chart:
    """The cost of every run of one optimiser, on a logarithmic axis; a cross where it diverged."""
    points, ends = [], []
    for run in runs:
        if run["tags"]["optimizer"] != optimizer:
            continue
        rate, costs = f"rate {run['tags']['learning_rate']}", run["curves"]["cost"]
        name = rate if run["failure"] is None else f"{rate}, {run['failure']}"
        points += [{"run": name, "epoch": n, "cost": cost} for n, cost in enumerate(costs)]
        if run["failure"] is not None:
            ends.append({"run": name, "epoch": len(costs) - 1, "cost": costs[-1]})
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
    return dressed(drawn(points).mark_line() + crosses, f"Co-likes: cost by epoch, {optimizer}")
