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


def write_page(data: TrainingData, summary: dict[str, Any], **charts: Chart) -> str:
    """The page; what the data set has no columns for is left out."""

    def pictures(*names: str, caption: str = "", wide: bool = False) -> list[Picture]:
        return [Picture(charts[name], caption, name, wide) for name in names]

    density = (
        f"{summary['density']:.2%} of all pairs of a user and an item have a rating; the rest is "
        "what a model has to fill in. One that always answers with the mean has the standard "
        f"deviation for its RMSE here, {summary['standard_deviation']:.2f}."
    )
    per_user_and_item = pictures("ratings_per_user", "ratings_per_item")
    sections = [
        Section("Ratings", [Text([density]), summary_table(summary), *pictures("rating_counts")]),
        Section("Ratings per user and per item", [Text([COUNTS]), *per_user_and_item]),
        Section("Popular and liked", [Text([MEANS]), *pictures("item_means", wide=True)]),
        Section("A corner of the matrix", [Text([CROSSTAB]), *pictures("crosstab", wide=True)]),
    ]
    if summary["first"] is not None:
        over_time = pictures("ratings_over_time", "mean_over_time")
        sections.append(Section("Over time", [Text([TIME]), *over_time]))
    for side, features in summary["features"].items():
        if features:
            text = (
                f"Do {side} differ by {_either(features)}? The grey histograms are of all {side}, "
                "the coloured ones of those that are chosen."
            )
            linked = pictures(f"linked_{side}", caption=CHOOSE, wide=True)
            sections.append(Section(side.capitalize(), [Text([text]), *linked]))
    lead = (
        f"{data.title}: the ratings that models learn from. Validation and test are not looked at."
    )
    return render("The training ratings", lead, sections)


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


def _either(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
