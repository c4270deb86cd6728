"""One picture of each table."""

from __future__ import annotations

import altair as alt
import pandas as pd

from fivestar.pipelines.exploration.bins import in_count_bins
from fivestar.pipelines.exploration.features import is_list
from fivestar.pipelines.exploration.settings import ExplorationSettings
from fivestar.ratings import Scale
from fivestar.reporting.charts import COLORS, MOST_MARKS, Chart, dressed

HEIGHT = 260
PADDING = {"left": 5, "right": 5, "top": 5, "bottom": 16}
"""Vega leaves too little under slanted labels where it fits a chart into a width."""
KEPT = 500
"""The most rated items are in every sample."""


def nothing(title: str, why: str) -> Chart:
    """A picture without a mark, where the data set lacks what it would show."""
    table = pd.DataFrame({"x": pd.Series(dtype="float64")})
    return dressed(alt.Chart(table, width="container", height=20).mark_point(), title, why)


def draw_stars(stars: pd.DataFrame) -> Chart:
    """How often each number of stars was given."""
    few = len(stars) <= 10
    axis = alt.Axis(labelAngle=0) if few else slanted()
    shares = stars["share"].map(lambda s: "<1%" if 0 < s < 0.005 else f"{s:.0%}")
    base = alt.Chart(stars.assign(label=shares), width="container", height=HEIGHT).encode(
        x=alt.X("stars:O", sort=None, title="stars", axis=axis),
        y=alt.Y("n_ratings:Q", title="ratings"),
        tooltip=[
            alt.Tooltip("stars:N"),
            alt.Tooltip("n_ratings:Q", title="ratings", format=","),
            alt.Tooltip("share:Q", format=".1%"),
        ],
    )
    chart = base.mark_bar()
    if few:
        labels = base.mark_text(baseline="bottom", dy=-3, fontSize=11)
        chart = chart + labels.encode(text="label:N")
    return dressed(chart, "Distribution of the stars")


def draw_counts(table: pd.DataFrame, *, what: str) -> Chart:
    """How many users (or items) have how many ratings.

    Parameters
    ----------
    what
        ``user`` or ``item``.
    """
    bins = in_count_bins(table["n_ratings"]).value_counts(sort=False)
    counts = pd.DataFrame({"ratings": bins.index.astype("str"), "number": bins.to_numpy()})
    chart = (
        alt.Chart(counts, width="container", height=HEIGHT, padding=PADDING)
        .mark_bar(color=COLORS[0])
        .encode(
            x=alt.X("ratings:O", sort=None, title=f"ratings per {what}", axis=slanted()),
            y=alt.Y("number:Q", title=f"{what}s"),
            tooltip=[
                alt.Tooltip("ratings:N", title=f"ratings per {what}"),
                alt.Tooltip("number:Q", title=f"{what}s", format=","),
            ],
        )
    )
    return dressed(chart, f"Ratings per {what}", "Two bars for every doubling.")


def slanted() -> alt.Axis:
    """For labels of bins; where there is no room for all, some are left out."""
    return alt.Axis(labelAngle=-45, labelOverlap="greedy", ticks=False)


def draw_item_means(items: pd.DataFrame, scale: Scale, settings: ExplorationSettings) -> Chart:
    """Mean rating against number of ratings, a point an item."""
    shown = items
    if len(items) > MOST_MARKS:
        rest = items.iloc[KEPT:].sample(MOST_MARKS - KEPT, random_state=settings.seed)
        shown = pd.concat([items.head(KEPT), rest])
    lists = [name for name in shown if is_list(shown[name])]
    mean = (items["n_ratings"] * items["mean_rating"]).sum() / items["n_ratings"].sum()
    points = shown[["title", "n_ratings"]].assign(mean_rating=shown["mean_rating"].round(3))
    tooltips = [
        alt.Tooltip("title:N"),
        alt.Tooltip("n_ratings:Q", title="ratings", format=","),
        alt.Tooltip("mean_rating:Q", title="mean rating", format=".2f"),
    ]
    for position, name in enumerate(lists):
        points[f"words_{position}"] = shown[name].map(", ".join)
        tooltips.append(alt.Tooltip(f"words_{position}:N", title=str(name)))
    base = alt.Chart(points, width="container", height=420)
    cloud = base.mark_circle(size=28, opacity=0.45, color=COLORS[0]).encode(
        x=alt.X(
            "n_ratings:Q",
            scale=alt.Scale(type="log", nice=False, padding=8),
            axis=alt.Axis(format=",", tickCount=6),
            title="number of ratings (logarithmic)",
        ),
        y=alt.Y(
            "mean_rating:Q",
            scale=alt.Scale(domain=[scale.lowest, scale.highest], nice=False, padding=6),
            title="mean rating (stars)",
        ),
        tooltip=tooltips,
    )
    at_mean = alt.Chart(pd.DataFrame({"mean": [round(mean, 4)]}))
    rule = at_mean.mark_rule(color=COLORS[2], strokeWidth=1.5).encode(
        y=alt.Y("mean:Q"),
        tooltip=alt.Tooltip("mean:Q", title="mean of all ratings", format=".3f"),
    )
    what = (
        "A point an item" if len(shown) == len(items) else f"{len(shown):,} of {len(items):,} items"
    )
    subtitle = f"{what}; the line is the mean of all ratings."
    return dressed(cloud + rule, "Mean rating against number of ratings", subtitle)


def draw_cross(crosstab: pd.DataFrame, scale: Scale) -> Chart:
    """Stars by item and user; empty cells are grey."""
    users, items = (crosstab[name].drop_duplicates().tolist() for name in ("user", "title"))
    color = alt.Color(
        "rating:Q",
        scale=alt.Scale(scheme="viridis", domain=[scale.lowest, scale.highest]),
        legend=alt.Legend(title="stars", titleOrient="left", gradientLength=100),
    )
    shown = crosstab[["title", "user", "rating"]]
    base = alt.Chart(shown, width="container", height=19 * len(items)).encode(
        x=alt.X("user:O", sort=users, title="user", axis=_names(-90, 80)),
        y=alt.Y("title:O", sort=items, title=None, axis=_names(0, 170)),
        tooltip=["title:N", "user:N", alt.Tooltip("rating:Q", title="stars")],
    )
    blank = base.mark_rect(stroke="white", color="#eceef1")
    given = base.transform_filter("isValid(datum.rating)").mark_rect(stroke="white")
    subtitle = f"{len(items)} items, {len(users)} users. A pale cell has no training rating."
    return dressed(
        blank + given.encode(color=color), "Most rated items, most active users", subtitle
    )


def _names(angle: int, limit: int) -> alt.Axis:
    return alt.Axis(
        labelAngle=angle, labelLimit=limit, ticks=False, domain=False, labelOverlap="greedy"
    )


def draw_periods(periods: pd.DataFrame) -> Chart:
    """Number of ratings over time."""
    title = "Number of ratings over time"
    if periods.empty:
        return nothing(title, "The ratings of this data set carry no timestamps.")
    chart = _over_time(periods).mark_bar(color=COLORS[0], binSpacing=0)
    y = alt.Y("n_ratings:Q", title=f"ratings a {_unit(periods)}")
    chart = chart.encode(x2="end:T", y=y, y2=alt.datum(0))
    return dressed(chart, title)


def draw_mean_over_time(periods: pd.DataFrame) -> Chart:
    """Mean rating over time; the line is broken where there is no rating."""
    title = "Mean rating over time"
    if periods.empty:
        return nothing(title, "The ratings of this data set carry no timestamps.")
    n_ratings = periods["n_ratings"]
    mean = (n_ratings * periods["mean_rating"]).sum() / n_ratings.sum()
    base = _over_time(periods.assign(mean_rating=periods["mean_rating"].round(4)))
    line = base.mark_line(
        color=COLORS[0], strokeJoin="round", point={"size": 18, "color": COLORS[0]}
    ).encode(y=alt.Y("mean_rating:Q", title="mean rating (stars)", scale=alt.Scale(zero=False)))
    at_mean = alt.Chart(pd.DataFrame({"mean": [round(mean, 4)]}))
    rule = at_mean.mark_rule(color=COLORS[2]).encode(y=alt.Y("mean:Q"))
    return dressed(line + rule, title, f"By {_unit(periods)}; the line is the mean of all.")


def _over_time(periods: pd.DataFrame) -> alt.Chart:
    """The axis of time, in UTC: a date must not slip to the day before west of Greenwich."""
    shown = periods[["start", "end", "n_ratings", "mean_rating"]].assign(since=periods["start"])
    axis = alt.Axis(labelOverlap="greedy", labelSeparation=8)
    return alt.Chart(shown, width="container", height=HEIGHT).encode(
        x=alt.X("start:T", title=None, scale=alt.Scale(type="utc"), axis=axis),
        tooltip=[
            alt.Tooltip("since:N", title=f"{_unit(periods)} from"),
            alt.Tooltip("n_ratings:Q", title="ratings", format=","),
            alt.Tooltip("mean_rating:Q", title="mean rating", format=".2f"),
        ],
    )


def _unit(periods: pd.DataFrame) -> str:
    return str(periods["unit"].iloc[0])
