"""A chart of each table."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from fivestar.pipelines.exploration.bins import count_cut
from fivestar.pipelines.exploration.features import is_list
from fivestar.pipelines.exploration.settings import ExplorationSettings
from fivestar.ratings import TrainingData
from fivestar.reporting.charts import COLORS, MAX_MARKS, Chart, themed

HEIGHT = 260
PADDING = {"left": 5, "right": 5, "top": 5, "bottom": 16}
"""Vega leaves too little under slanted labels where it fits a chart into a width."""
KEPT = 500
"""The most rated items are in every sample."""


def nothing(title: str, why: str, data: TrainingData) -> Chart:
    """A chart without a mark, where the data set lacks what it would show."""
    table = pd.DataFrame({"x": pd.Series(dtype="float64")})
    empty = alt.Chart(table, width="container", height=20).mark_point()
    return themed(empty, title, f"{why} {data.title}.")


def draw_rating_counts(table: pd.DataFrame, data: TrainingData) -> Chart:
    """How often each rating was given."""
    few = len(table) <= 10
    axis = alt.Axis(labelAngle=0) if few else slanted()
    percent = table["fraction"].map(lambda f: "<1%" if 0 < f < 0.005 else f"{f:.0%}")
    base = alt.Chart(table.assign(label=percent), width="container", height=HEIGHT).encode(
        x=alt.X("rating:O", sort=None, title="rating", axis=axis),
        y=alt.Y("n_ratings:Q", title="ratings"),
        tooltip=["rating:N", _number("n_ratings", "ratings"), _number("fraction", form=".1%")],
    )
    chart = base.mark_bar()
    if few:
        chart += base.mark_text(baseline="bottom", dy=-3, fontSize=11).encode(text="label:N")
    return themed(chart, "Distribution of the ratings", f"{data.title}.")


def draw_counts(
    users: pd.DataFrame, items: pd.DataFrame, data: TrainingData
) -> tuple[Chart, Chart]:
    """How many users have how many ratings, and how many items."""
    return _counts(users, "user", data), _counts(items, "item", data)


def _counts(table: pd.DataFrame, what: str, data: TrainingData) -> Chart:
    title = f"ratings per {what}"
    bins = count_cut(table["n_ratings"]).value_counts(sort=False)
    counts = pd.DataFrame({"ratings": bins.index.astype("str"), "number": bins.to_numpy()})
    bars = alt.Chart(counts, width="container", height=HEIGHT, padding=PADDING).mark_bar()
    chart = bars.encode(
        x=alt.X("ratings:O", sort=None, title=title, axis=slanted()),
        y=alt.Y("number:Q", title=f"{what}s"),
        tooltip=[alt.Tooltip("ratings:N", title=title), _number("number", f"{what}s")],
    )
    return themed(chart, title.capitalize(), f"Two bars for every doubling. {data.title}.")


def slanted() -> alt.Axis:
    """For labels of bins; where there is no room for all, some are left out."""
    return alt.Axis(labelAngle=-45, labelOverlap="greedy", ticks=False)


def draw_item_means(
    items: pd.DataFrame, data: TrainingData, settings: ExplorationSettings
) -> Chart:
    """Mean rating against number of ratings, a point an item."""
    shown, what = items, "A point an item"
    if len(items) > MAX_MARKS:
        rest = items.iloc[KEPT:].sample(MAX_MARKS - KEPT, random_state=settings.seed)
        shown = pd.concat([items.head(KEPT), rest])
        what = f"{len(shown):,} of {len(items):,} items"
    points = shown[["title", "n_ratings"]].assign(mean_rating=shown["mean_rating"].round(3))
    tooltips = ["title:N", _number("n_ratings", "ratings"), _number("mean_rating", form=".2f")]
    for n, name in enumerate(name for name in shown if is_list(shown[name])):
        points[f"words_{n}"] = shown[name].map(", ".join)
        tooltips.append(alt.Tooltip(f"words_{n}:N", title=str(name)))
    ends = [data.scale.lowest, data.scale.highest]
    x, y = (
        alt.Scale(type="log", nice=False, padding=8),
        alt.Scale(domain=ends, nice=False, padding=6),
    )
    axis = alt.Axis(format=",", tickCount=6)
    cloud = alt.Chart(points, width="container", height=420).mark_circle(size=28, opacity=0.45)
    cloud = cloud.encode(
        x=alt.X("n_ratings:Q", scale=x, axis=axis, title="number of ratings (logarithmic)"),
        y=alt.Y("mean_rating:Q", scale=y, title="mean rating"),
        tooltip=tooltips,
    )
    subtitle = f"{what}; the line is the mean of all ratings. {data.title}."
    return themed(cloud + _mean_of(items), "Mean rating against number of ratings", subtitle)


def draw_crosstab(pairs: pd.DataFrame, data: TrainingData) -> Chart:
    """Ratings by item and user; empty cells are grey."""
    users, items = (pairs[name].drop_duplicates().tolist() for name in ("user", "title"))
    color = alt.Color(
        "rating:Q",
        scale=alt.Scale(scheme="viridis", domain=[data.scale.lowest, data.scale.highest]),
        legend=alt.Legend(title="rating", titleOrient="left", gradientLength=100),
    )
    shown = pairs[["title", "user", "rating"]]
    names: dict[str, Any] = {"ticks": False, "domain": False, "labelOverlap": "greedy"}
    base = alt.Chart(shown, width="container", height=19 * len(items)).encode(
        x=alt.X("user:O", sort=users, axis=alt.Axis(labelAngle=-90, labelLimit=80, **names)),
        y=alt.Y("title:O", sort=items, title=None, axis=alt.Axis(labelLimit=170, **names)),
        tooltip=["title:N", "user:N", "rating:Q"],
    )
    blank = base.mark_rect(stroke="white", color="#eceef1")
    given = base.transform_filter("isValid(datum.rating)").mark_rect(stroke="white")
    how = f"{len(items)} items, {len(users)} users. A pale cell has no training rating."
    title = "Most rated items, most active users"
    return themed(blank + given.encode(color=color), title, f"{how} {data.title}.")


def draw_over_time(periods: pd.DataFrame, data: TrainingData) -> tuple[Chart, Chart]:
    """Number of ratings over time, and their mean; its line is broken where there is no rating."""
    titles = "Number of ratings over time", "Mean rating over time"
    if periods.empty:
        why = "The ratings of this data set carry no timestamps."
        return nothing(titles[0], why, data), nothing(titles[1], why, data)
    unit = periods["unit"].iloc[0]
    shown = periods[["start", "end", "n_ratings"]].assign(
        since=periods["start"], mean_rating=periods["mean_rating"].round(4)
    )
    number, mean = _number("n_ratings", "ratings"), _number("mean_rating", form=".2f")
    # In UTC: a date must not slip to the day before west of Greenwich.
    utc, axis = alt.Scale(type="utc"), alt.Axis(labelOverlap="greedy", labelSeparation=8)
    base = alt.Chart(shown, width="container", height=HEIGHT).encode(
        x=alt.X("start:T", title=None, scale=utc, axis=axis),
        tooltip=[alt.Tooltip("since:N", title=f"{unit} from"), number, mean],
    )
    bars = base.mark_bar(binSpacing=0).encode(
        x2="end:T", y=alt.Y("n_ratings:Q", title=f"ratings a {unit}"), y2=alt.datum(0)
    )
    line = base.mark_line(strokeJoin="round", point={"size": 18, "color": COLORS[0]}).encode(
        y=alt.Y("mean_rating:Q", title="mean rating", scale=alt.Scale(zero=False))
    )
    how = f"By {unit}; the line is the mean of all. {data.title}."
    return (
        themed(bars, titles[0], f"{data.title}."),
        themed(line + _mean_of(periods), titles[1], how),
    )


def _mean_of(table: pd.DataFrame) -> alt.Chart:
    """A line at the mean of all ratings that the rows of ``table`` count."""
    mean = (table["n_ratings"] * table["mean_rating"]).sum() / table["n_ratings"].sum()
    told = _number("mean", "mean of all ratings", ".3f")
    line = alt.Chart(pd.DataFrame({"mean": [round(mean, 4)]})).encode(y="mean:Q", tooltip=told)
    rule: alt.Chart = line.mark_rule(color=COLORS[2], strokeWidth=1.5)
    return rule


def _number(field: str, title: str | None = None, form: str = ",") -> alt.Tooltip:
    """A number in the box that opens at a mark."""
    return alt.Tooltip(f"{field}:Q", title=title or field.replace("_", " "), format=form)
