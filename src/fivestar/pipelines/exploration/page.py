"""All pictures on one page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fivestar.ratings import TrainingData
from fivestar.reporting.charts import Chart
from fivestar.reporting.page import Picture, Section, Table, Text, render

COUNTS = (
    "How much there is to learn from. Bars at the left are users or items with few ratings: of "
    "these a model knows little more than the mean. Each bar stands for about 1.4 times as many "
    "ratings as the bar before it."
)
MEANS = (
    "Is an item that many rate also liked? Point at a dot for its title. The cloud is a funnel: "
    "means of few ratings scatter by chance alone, so a high mean of three ratings says less than "
    "one of three hundred."
)
CROSSTAB = (
    "A corner of the matrix that is factorised, the fullest one: each row is an item, each column "
    "a user. A column of one colour is a user who rates all alike; a row of one colour is an item "
    "on which users agree. A pale cell is not rated in train."
)
TIME = (
    "When the ratings were given, and whether their mean drifts. A mean of a period with few "
    "ratings moves by chance."
)
CHOOSE = (
    "Click a row to choose it. With the shift key, or by touch, a further one is added, and one "
    "that was chosen is taken away. Rows of one kind add up; of two kinds both must fit. "
    "A double click shows all again."
)


def show_numbers(
    summary: dict[str, Any], rating_counts: Chart, ratings_per_user: Chart, ratings_per_item: Chart
) -> list[Section]:
    """How many ratings there are, of which users and items."""
    density = (
        f"{summary['density']:.2%} of all pairs of a user and an item have a rating; the rest is "
        "what a model has to fill in. One that always answers with the mean has the standard "
        f"deviation for its RMSE here, {summary['standard_deviation']:.2f}."
    )
    counts = Picture(rating_counts, name="rating_counts")
    per_user, per_item = (
        Picture(chart, name=f"ratings_per_{what}")
        for what, chart in (("user", ratings_per_user), ("item", ratings_per_item))
    )
    return [
        Section("Ratings", [Text([density]), summary_table(summary), counts]),
        Section("Ratings per user and per item", [Text([COUNTS]), per_user, per_item]),
    ]


def show_favourites(item_means: Chart, crosstab: Chart) -> list[Section]:
    """What is rated most."""
    means = Picture(item_means, "", "item_means", wide=True)
    corner = Picture(crosstab, "", "crosstab", wide=True)
    return [
        Section("Popular and liked", [Text([MEANS]), means]),
        Section("A corner of the matrix", [Text([CROSSTAB]), corner]),
    ]


def show_over_time(
    summary: dict[str, Any], ratings_over_time: Chart, mean_over_time: Chart
) -> list[Section]:
    """When; no section without timestamps."""
    number = Picture(ratings_over_time, name="ratings_over_time")
    mean = Picture(mean_over_time, name="mean_over_time")
    given = summary["first"] is not None
    return [Section("Over time", [Text([TIME]), number, mean])] if given else []


def show_linked(summary: dict[str, Any], linked_users: Chart, linked_items: Chart) -> list[Section]:
    """By whom and of what; no section of a side without features."""
    sections = []
    for side, chart in (("users", linked_users), ("items", linked_items)):
        *others, last = summary["features"][side] or [None]
        if last is not None:
            names = f"{', '.join(others)} or {last}" if others else last
            text = (
                f"Do {side} differ by {names}? The grey histograms are of all {side}, the coloured "
                "ones of those that are chosen."
            )
            picture = Picture(chart, CHOOSE, f"linked_{side}", wide=True)
            sections.append(Section(side.capitalize(), [Text([text]), picture]))
    return sections


def write_page(data: TrainingData, **sections: list[Section]) -> str:
    """All on one page."""
    lead = (
        f"{data.title}: the ratings that models learn from. Validation and test are not looked at."
    )
    return render("The training ratings", lead, [s for part in sections.values() for s in part])


def summary_table(summary: dict[str, Any]) -> Table:
    """The figures of ``summarise``."""
    rows = {
        "ratings": f"{summary['n_ratings']:,}",
        "users": f"{summary['n_users']:,}",
        "items": f"{summary['n_items']:,}",
        "density": f"{summary['density']:.3%}",
        "mean rating": f"{summary['mean_rating']:.3f}",
        "standard deviation": f"{summary['standard_deviation']:.3f}",
        "ratings per user, median": f"{summary['median_ratings_per_user']:g}",
        "ratings per item, median": f"{summary['median_ratings_per_item']:g}",
    }
    if summary["first"] is not None:
        rows["period"] = f"{summary['first']} to {summary['last']}"
    table = pd.DataFrame(rows.items(), columns=["figure", "value"])
    return Table(table, headings={"figure": "", "value": ""}, wide=False)
