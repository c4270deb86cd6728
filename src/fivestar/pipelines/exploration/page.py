"""All pictures on one page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fivestar.pipelines.exploration.linked import features_of
from fivestar.reporting.charts import Chart
from fivestar.reporting.page import Picture, Section, Table, Text, render

CHOOSE = (
    "Click a row to choose it. With the shift key, or by touch, a further one is added, and one "
    "that was chosen is taken away. Rows of one kind add up; of two kinds both must fit. "
    "A double click shows all again."
)


def render_exploration(
    dataset: str,
    summary: dict[str, Any],
    users: pd.DataFrame,
    items: pd.DataFrame,
    stars: Chart,
    ratings_per_user: Chart,
    ratings_per_item: Chart,
    item_means: Chart,
    crosstab: Chart,
    ratings_over_time: Chart,
    mean_over_time: Chart,
    linked_users: Chart,
    linked_items: Chart,
) -> str:
    """The page; what the data set has no columns for is left out."""
    sections = [
        _ratings(summary, stars),
        _counts(ratings_per_user, ratings_per_item),
        _means(item_means),
        _crosstab(crosstab),
    ]
    if summary["first"] is not None:
        sections.append(_time(ratings_over_time, mean_over_time))
    for table, name, chart in ((users, "users", linked_users), (items, "items", linked_items)):
        if features_of(table):
            sections.append(_linked(name, features_of(table), chart))
    lead = f"{dataset}: the ratings that models learn from. Validation and test are not looked at."
    return render("The training ratings", lead, sections)


def _ratings(summary: dict[str, Any], stars: Chart) -> Section:
    text = (
        f"{summary['density']:.2%} of all pairs of a user and an item have a rating; the rest is "
        "what a model has to fill in. One that always answers with the mean has the standard "
        f"deviation for its RMSE here, {summary['standard_deviation']:.2f} stars."
    )
    return Section("Ratings", [Text([text]), summary_table(summary), Picture(stars, name="stars")])


def summary_table(summary: dict[str, Any]) -> Table:
    """The figures of ``exploration.summary``."""
    rows = {
        "ratings": f"{summary['n_ratings']:,}",
        "users": f"{summary['n_users']:,}",
        "items": f"{summary['n_items']:,}",
        "density": f"{summary['density']:.3%}",
        "mean rating": f"{summary['mean_rating']:.3f} stars",
        "standard deviation": f"{summary['standard_deviation']:.3f} stars",
        "ratings per user, median": f"{summary['median_ratings_per_user']:g}",
        "ratings per item, median": f"{summary['median_ratings_per_item']:g}",
    }
    if summary["first"] is not None:
        rows["period"] = f"{summary['first']} to {summary['last']}"
    table = pd.DataFrame(rows.items(), columns=["figure", "value"])
    return Table(table, headings={"figure": "", "value": ""}, wide=False)


def _counts(per_user: Chart, per_item: Chart) -> Section:
    text = (
        "How much there is to learn from. Bars at the left are users or items with few ratings: "
        "of these a model knows little more than the mean. Each bar stands for about "
        "1.4 times as many ratings as the bar before it."
    )
    pictures = [
        Picture(per_user, name="ratings_per_user"),
        Picture(per_item, name="ratings_per_item"),
    ]
    return Section("Ratings per user and per item", [Text([text]), *pictures])


def _means(item_means: Chart) -> Section:
    text = (
        "Is an item that many rate also liked? Point at a dot for its title. "
        "The cloud is a funnel: means of few ratings scatter by chance alone, so a high mean of "
        "three ratings says less than one of three hundred."
    )
    return Section("Popular and liked", [Text([text]), Picture(item_means, "", "item_means", True)])


def _crosstab(crosstab: Chart) -> Section:
    text = (
        "A corner of the matrix that is factorised, the fullest one: each row is an item, each "
        "column a user. A column of one colour is a user who gives the same stars to all; a row "
        "of one colour is an item on which users agree. A pale cell is not rated in train."
    )
    return Section("Who rated what", [Text([text]), Picture(crosstab, "", "crosstab", True)])


def _time(number: Chart, mean: Chart) -> Section:
    text = (
        "When the ratings were given, and whether their mean drifts. A mean of a period with few "
        "ratings moves by chance."
    )
    pictures = [Picture(number, name="ratings_over_time"), Picture(mean, name="mean_over_time")]
    return Section("Over time", [Text([text]), *pictures])


def _linked(name: str, features: list[str], chart: Chart) -> Section:
    text = (
        f"Do {name} differ by {_either(features)}? The grey histograms are of all {name}, the "
        "coloured ones of those that are chosen."
    )
    picture = Picture(chart, CHOOSE, f"linked_{name}", True)
    return Section(f"{name.capitalize()}", [Text([text]), picture])


def _either(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
