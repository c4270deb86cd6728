"""Charts of a model's vectors."""

from __future__ import annotations

import re
from typing import Any

import altair as alt
import pandas as pd

from fivestar.analysis.labels import OTHER
from fivestar.pipelines.inspection.choosing import Inspected
from fivestar.reporting.charts import COLORS, GREY, MAX_MARKS, REST, Chart, themed

PANEL_WIDTH, PANEL_HEIGHT = 285, 230
"""Pixels of one of several views side by side."""
PLOT = (300.0, 440.0)
"""Pixels of the map on a phone: names that have room there have room anywhere."""
LETTER, LINE = 5.8, 15.0
"""About the width of a letter and the height of a line of a name on the map, pixels."""
MAX_NAMES, MAX_LETTERS = 14, 26
"""Names on the map, and the letters of each; the rest is cut."""
METHODS = {"tsne": "t-SNE", "pca": "PCA"}
ITEM, N_RATINGS = (
    alt.Tooltip("shown:N", title="item"),
    alt.Tooltip("n_ratings:Q", title="ratings", format=","),
)


def draw_norms(inspected: Inspected, norms: pd.DataFrame, models: pd.DataFrame) -> Chart:
    """Length of each item's vector against its number of ratings, a view for each model."""
    names = models["model"].tolist()
    max_items = MAX_MARKS // max(len(names), 1)
    drawn = norms.sample(max_items, random_state=0) if len(norms) > max_items else norms
    columns = {name: f"norm_{n}" for n, name in enumerate(names)}
    table = drawn.rename(columns=columns).round(dict.fromkeys(columns.values(), 3))
    # Not `nearest`: then Vega-Lite's tooltips show "undefined" for texts.
    pointed = alt.selection_point(name="pointed", fields=["item"], on="pointerover", empty=False)
    views = [
        _norms_of(table, name, columns[name], correlation, pointed)
        for name, correlation in zip(names, models["norm_and_popularity"], strict=True)
    ]
    chart = alt.concat(*views, columns=3)
    # One selection of all views: given to each, Altair would warn that it made one of them.
    selection: Any = pointed.param
    shared = {**selection.to_dict(), "views": [view.name for view in views]}
    chart.params = [alt.TopLevelSelectionParameter.from_dict(shared)]
    sample = "" if len(drawn) == len(norms) else f"A sample of {len(drawn):,} of "
    told = f"{sample}{len(norms):,} items"
    return themed(chart, "Norms by number of ratings", told, inspected.data_title)


def _norms_of(
    table: pd.DataFrame, model: str, column: str, correlation: float, pointed: alt.Parameter
) -> alt.Chart:
    told = "" if pd.isna(correlation) else f"rank correlation {correlation:.2f}"
    title = alt.TitleParams(model, subtitle=told, fontSize=12)
    base = alt.Chart(table, name=column, title=title, width=PANEL_WIDTH, height=PANEL_HEIGHT)
    few_ticks = alt.Axis(tickCount=4, format="~s")
    view: alt.Chart = base.mark_circle().encode(
        x=alt.X("n_ratings:Q", title="ratings", scale=alt.Scale(type="log"), axis=few_ticks),
        y=alt.Y(f"{column}:Q", title="norm", axis=alt.Axis(minExtent=28)),
        color=alt.condition(pointed, alt.value(COLORS[2]), alt.value(COLORS[0])),
        size=alt.condition(pointed, alt.value(120), alt.value(24)),
        opacity=alt.condition(pointed, alt.value(1), alt.value(0.45)),
        tooltip=[ITEM, N_RATINGS, alt.Tooltip(f"{column}:Q", title="norm")],
    )
    return view


def draw_map(inspected: Inspected, places: pd.DataFrame) -> Chart:
    """Items on a plane, coloured by a label; a click in the legend leaves the others grey."""
    places = places.fillna({"about": "", "label": ""})
    table = places[["x", "y", "shown", "about", "label", "n_ratings"]].round({"x": 3, "y": 3})
    points = (
        alt.Chart(table, width="container", height=520)
        .mark_circle(size=38, opacity=0.85)
        .encode(
            x=_axis_of_map("x", places),
            y=_axis_of_map("y", places),
            tooltip=[ITEM, "about:N", N_RATINGS],
        )
    )
    labels = _ordered(places["label"])
    if labels:
        clicked = alt.selection_point(name="label", fields=["label"], bind="legend")
        colors = [GREY if label == OTHER else COLORS[n] for n, label in enumerate(labels)]
        scale = alt.Scale(domain=labels, range=colors)
        legend = alt.Legend(columns=3, symbolOpacity=1)
        color = alt.Color("label:N", scale=scale, legend=legend)
        points = points.encode(
            color=alt.condition(clicked, color, alt.value(REST)),
            opacity=alt.condition(clicked, alt.value(0.85), alt.value(0.25)),
        ).add_params(clicked)
    named = alt.Chart(_names_with_room(places)).encode(x="x:Q", y="y:Q", text="name:N")
    halo = named.mark_text(fontSize=10, dy=-9, stroke="white", strokeWidth=3, strokeOpacity=0.85)
    names = named.mark_text(fontSize=10, dy=-9, fill="#1d2530")
    title, told = "Map of the items", "No item has enough ratings"
    if len(places):
        method, trust = places[["method", "trustworthiness"]].iloc[0]
        title += f" by {METHODS[method]}"
        trusted = "" if pd.isna(trust) else f", trustworthiness {trust:.2f}"
        told = f"{inspected.name}: the {len(places):,} most rated{trusted}"
    return themed(points + halo + names, title, told, inspected.data_title)


def _axis_of_map(side: str, places: pd.DataFrame) -> Any:
    """Without ticks, which say nothing; titled by what it explains, where that is known."""
    channel: Any = {"x": alt.X, "y": alt.Y}[side]
    scale = alt.Scale(zero=False, nice=False, padding=16)
    share = places[f"{side}_share"].max()
    if pd.isna(share):
        return channel(f"{side}:Q", axis=None, scale=scale)
    axis = alt.Axis(labels=False, ticks=False, grid=False)
    return channel(f"{side}:Q", axis=axis, scale=scale, title=f"{share:.0%} of the variance")


def _ordered(labels: pd.Series) -> list[str]:
    """Decades in their order, other labels by their number of items; what is left over last."""
    counts = labels[labels != ""].value_counts()
    names = [str(name) for name in counts.index if name != OTHER]
    if all(re.fullmatch(r"\d+0s", name) for name in names):
        names.sort(key=lambda name: int(name[:-1]))
    return names + [OTHER] * (OTHER in counts)


def _names_with_room(places: pd.DataFrame) -> pd.DataFrame:
    """Names of the most rated items, as far as they do not cover each other on a phone."""
    ends = [(places[side].min(), places[side].max()) for side in ("x", "y")]
    taken: list[tuple[float, float, float]] = []
    rows: list[dict[str, Any]] = []
    for x, y, shown in places[["x", "y", "shown"]].itertuples(index=False):
        if len(rows) == MAX_NAMES:
            break
        name = shown.split(" (")[0]
        if len(name) > MAX_LETTERS:
            name = name[: MAX_LETTERS - 1].rstrip(" ,") + "\u2026"
        across, down = (
            (at - low) / max(high - low, 1e-9) * size
            for at, (low, high), size in zip((x, y), ends, PLOT, strict=True)
        )
        half = len(name) * LETTER / 2
        inside = half <= across <= PLOT[0] - half
        if inside and all(abs(across - a) > half + h or abs(down - d) > LINE for a, d, h in taken):
            taken.append((across, down, half))
            rows.append({"x": round(x, 3), "y": round(y, 3), "name": name})
    return pd.DataFrame(rows, columns=["x", "y", "name"])


def draw_factors(inspected: Inspected, factors: pd.DataFrame) -> Chart:
    """Bars of the items at both ends of one factor; a list chooses which."""
    numbers = factors["factor"].drop_duplicates().tolist() or [1]
    shares = factors.drop_duplicates("factor")["share"].tolist() or [0]
    names = [f"{n} ({share:.1%} of the variance)" for n, share in zip(numbers, shares, strict=True)]
    select = alt.binding_select(options=numbers, labels=names, name="Factor ")
    chosen = alt.param(name="factor", value=1, bind=select)
    table = factors[["factor", "title", "score", "end", "n_ratings"]].round({"score": 3})
    twice = factors.duplicated(["factor", "title"], keep=False)
    table["title"] = table["title"].mask(twice, factors["title"] + " [" + factors["item"] + "]")
    n_shown = max((factors["factor"] == 1).sum(), 1)
    by_score = alt.EncodingSortField("score", order="descending")
    ends = alt.Scale(domain=["top", "bottom"], range=[COLORS[0], COLORS[2]])
    chart = (
        alt.Chart(table, width="container", height=20 * int(n_shown))
        .mark_bar()
        .encode(
            x=alt.X("score:Q", title="score"),
            y=alt.Y("title:N", title=None, sort=by_score).axis(labelLimit=170),
            color=alt.Color("end:N", scale=ends, legend=None),
            tooltip=["title:N", "score:Q", N_RATINGS],
        )
        .transform_filter("datum.factor == factor")
        .add_params(chosen)
    )
    told = f"{inspected.name}: the items at its two ends"
    return themed(chart, "What a factor holds", told, inspected.data_title)
