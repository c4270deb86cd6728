"""All charts on one page."""

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


def show_numbers(summary: dict[str, Any], rating_counts: Chart, **per: Chart) -> list[Section]:
    """How many ratings there are, of which users and items."""
    density = (
        f"{summary['density']:.2%} of all pairs of a user and an item have a rating; the rest is "
        "what a model has to fill in. One that always answers with the mean has the standard "
        f"deviation for its RMSE here, {summary['standard_deviation']:.2f}."
    )
    counts = Picture(rating_counts, name="rating_counts")
    return [
        Section("Ratings", [Text([density]), summary_table(summary), counts]),
        _section("Ratings per user and per item", COUNTS, per),
    ]


def show_favourites(item_means: Chart, crosstab: Chart) -> list[Section]:
    """What is rated most."""
    return [
        _section("Popular and liked", MEANS, {"item_means": item_means}, wide=True),
        _section("A corner of the matrix", CROSSTAB, {"crosstab": crosstab}, wide=True),
    ]


def show_over_time(summary: dict[str, Any], **over_time: Chart) -> list[Section]:
    """When; no section without timestamps."""
    return [] if summary["first"] is None else [_section("Over time", TIME, over_time)]


def show_linked(summary: dict[str, Any], **linked: Chart) -> list[Section]:
    """By whom and of what; no section of a side without features."""
    sections = []
    for side, features in summary["features"].items():
        if features:
            names = " or ".join(filter(None, [", ".join(features[:-1]), features[-1]]))
            text = (
                f"Do {side} differ by {names}? The grey histograms are of all {side}, the coloured "
                "ones of those that are chosen."
            )
            chart = {f"linked_{side}": linked[f"linked_{side}"]}
            sections.append(_section(side.capitalize(), text, chart, CHOOSE, wide=True))
    return sections


def _section(
    title: str, text: str, charts: dict[str, Chart], caption: str = "", *, wide: bool = False
) -> Section:
    pictures = [Picture(chart, caption, name, wide) for name, chart in charts.items()]
    return Section(title, [Text([text]), *pictures])


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
