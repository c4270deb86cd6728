"""Lists of several models side by side."""

from __future__ import annotations

import altair as alt
import pandas as pd

from fivestar.ratings import TrainingData
from fivestar.reporting.charts import COLORS, Chart, themed

NAMES = {"ndcg": "nDCG", "map": "MAP", "precision": "precision", "recall": "recall"}
TITLES = {
    "all_unseen_items": ("Lists out of all unseen items", "unrated items are misses."),
    "only_rated_items": ("Lists out of the rated items only", "are liked ones first?"),
}


def draw_ranking(ranking: pd.DataFrame, data: TrainingData, *, protocol: str) -> Chart:
    """Measures of the lists on validation, a bar a model."""
    shown = ranking[(ranking["part"] == "validation") & (ranking["protocol"] == protocol)]
    models = list(dict.fromkeys(ranking["model"].astype(str)))
    long = shown[["model", *NAMES]].rename(columns=NAMES).melt("model", var_name="measure")
    long = long.assign(value=long["value"].round(4))
    highest = long["value"].max() if len(long) else 1
    height = (16 * max(len(models), 1) + 14) * len(NAMES)
    base = alt.Chart(long, width="container", height=height).encode(
        x=alt.X(
            "value:Q",
            title=None,
            scale=alt.Scale(domain=[0, 1.15 * max(highest, 1e-6)]),  # room for labels
            axis=alt.Axis(tickCount=6),
        ),
        y=alt.Y("measure:N", sort=list(NAMES.values()), title=None),
        yOffset=alt.YOffset("model:N", sort=models),
        tooltip=["model:N", "measure:N", alt.Tooltip("value:Q", format=".4f")],
    )
    colors = [COLORS[n % len(COLORS)] for n in range(len(models))]
    bars = base.mark_bar().encode(
        color=alt.Color("model:N", scale=alt.Scale(domain=models, range=colors))
    )
    labels = base.mark_text(align="left", dx=3, fontSize=10).encode(
        text=alt.Text("value:Q", format=".3f")
    )
    title, note = TITLES[protocol]
    n, n_users = (int(shown[column].max()) if len(shown) else 0 for column in ("n", "n_users"))
    return themed(
        bars + labels, f"{title}, top {n}", f"{n_users:,} validation users; {note}", data.title
    )
