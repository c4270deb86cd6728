"""What the training ratings look like, as charts to click through."""

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from fivestar.pipelines.exploration import charts, page, tables
from fivestar.pipelines.exploration.linked import draw_linked

TRAIN, DATA, SUMMARY = {"train": "train"}, {"data": "training_data"}, {"summary": "summary"}
SETTINGS = {"settings": "params:settings"}
BOTH = {"users": "users_table", "items": "items_table"}
TOLD = ["summary", "rating_counts_chart", "item_means_chart", "page"]
"""What is read outside of this pipeline, by the report for instance."""


def create_pipeline() -> Pipeline:
    """Of the training ratings alone: tables, a chart of each, and a page of all."""
    return Pipeline(
        [*count(), *draw(), *show()],
        namespace="exploration",
        inputs={"train", "users", "item_table", "training_data"},
        parameters={"params:settings": "params:exploration", "params:scale": "params:scale"},
        outputs={name: f"exploration_{name}" for name in TOLD},
        tags="exploration",
    )


def count() -> list[Node]:
    """Tables."""
    return [
        node(tables.describe_users, {**TRAIN, "users": "users", **SETTINGS}, "users_table"),
        node(tables.describe_items, {**TRAIN, "items": "item_table", **SETTINGS}, "items_table"),
        node(tables.count_ratings, {**TRAIN, "scale": "params:scale"}, "rating_counts_table"),
        node(tables.cross, {**TRAIN, **BOTH, **SETTINGS}, "pairs_table"),
        node(tables.count_periods, TRAIN, "periods_table"),
        node(tables.summarise, {**TRAIN, **BOTH, "periods": "periods_table"}, "summary"),
    ]


def draw() -> list[Node]:
    """Charts."""
    ratings, means = "rating_counts_chart", "item_means_chart"
    per = ["ratings_per_user_chart", "ratings_per_item_chart"]
    over_time = ["ratings_over_time_chart", "mean_over_time_chart"]
    linked = ["linked_users_chart", "linked_items_chart"]
    return [
        node(charts.draw_rating_counts, {"table": "rating_counts_table", **DATA}, ratings),
        node(charts.draw_counts, {**BOTH, **DATA}, per),
        node(charts.draw_item_means, {"items": "items_table", **DATA, **SETTINGS}, means),
        node(charts.draw_crosstab, {"pairs": "pairs_table", **DATA}, "crosstab_chart"),
        node(charts.draw_over_time, {"periods": "periods_table", **DATA}, over_time),
        node(draw_linked, {**BOTH, **DATA, **SETTINGS}, linked),
    ]


def show() -> list[Node]:
    """The page, by its sections."""
    counts = _charts("rating_counts", "ratings_per_user", "ratings_per_item")
    over_time = _charts("ratings_over_time", "mean_over_time")
    sections = {name: name for name in ("numbers", "favourites", "over_time", "linked")}
    return [
        node(page.show_numbers, {**SUMMARY, **counts}, "numbers"),
        node(page.show_favourites, _charts("item_means", "crosstab"), "favourites"),
        node(page.show_over_time, {**SUMMARY, **over_time}, "over_time"),
        node(page.show_linked, {**SUMMARY, **_charts("linked_users", "linked_items")}, "linked"),
        node(page.write_page, {**DATA, **sections}, "page"),
    ]


def _charts(*names: str) -> dict[str, str]:
    return {name: f"{name}_chart" for name in names}
