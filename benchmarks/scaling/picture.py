"""The curves as a picture."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from benchmarks.scaling.curves import AXES, PEERS, RANK, SIZE, Point
from benchmarks.timing.contenders import ROOT
from fivestar.reporting.charts import COLORS, themed

PICTURE = ROOT / "docs/pictures/scaling.png"
SIDE = 330
"""Pixels of a view."""


def draw(points: list[Point], told: str) -> None:
    """Write the picture; dashed lines are the peers'."""
    import vl_convert

    rows = pd.DataFrame(points, columns=list(Point._fields))
    rows["peer"] = rows["contender"].isin(PEERS)
    names = list(dict.fromkeys(rows["contender"]))
    of_ratings = f"rank {RANK}"
    views = [
        view(rows, "n_ratings", "sweep", names, f"A sweep by ratings, {of_ratings}"),
        view(rows, "n_ratings", "memory", names, f"Peak memory by ratings, {of_ratings}"),
        view(rows, "rank", "sweep", names, f"A sweep by rank, {SIZE:,} ratings"),
        view(rows, "threads", "sweep", names, f"A sweep by cores, {SIZE:,} ratings"),
    ]
    chart = themed(
        alt.vconcat(alt.hconcat(*views[:2]), alt.hconcat(*views[2:])),
        "What ratings, rank and cores cost",
        "Synthetic ratings. Dashed: other libraries. A sweep of a model without sweeps is its fit.",
        told,
    )
    PICTURE.write_bytes(vl_convert.vegalite_to_png(chart.to_dict(), scale=1.2))


def view(rows: pd.DataFrame, axis: str, what: str, names: list[str], title: str) -> Any:
    titles = {"sweep": "seconds", "memory": "GB"}
    log = alt.Scale(type="log", nice=False, padding=8)
    values = sorted(rows.loc[rows["axis"] == axis, "x"].unique().tolist())
    return (
        alt.Chart(rows[rows["axis"] == axis], title=title, width=SIDE, height=SIDE)
        .mark_line(point=True)
        .encode(
            x=alt.X("x:Q", title=AXES[axis], scale=log, axis=alt.Axis(format="~s", values=values)),
            y=alt.Y(f"{what}:Q", title=titles[what], scale=log),
            color=alt.Color(
                "contender:N",
                scale=alt.Scale(domain=names, range=COLORS),
                legend=alt.Legend(columns=5),
            ),
            strokeDash=alt.StrokeDash("peer:N", legend=None),
        )
    )
