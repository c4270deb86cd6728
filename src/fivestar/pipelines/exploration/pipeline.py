"""What the training ratings look like, as pictures to click through."""

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from fivestar.pipelines.exploration import charts, tables
from fivestar.pipelines.exploration.linked import draw_linked
from fivestar.pipelines.exploration.page import write_page
from fivestar.pipelines.wiring import Bound

CHARTS = [
    *("rating_counts", "ratings_per_user", "ratings_per_item", "item_means", "crosstab"),
    *("ratings_over_time", "mean_over_time", "linked_users", "linked_items"),
]
"""On the page."""


def create_pipeline() -> Pipeline:
    """Of the training ratings alone: tables, a picture of each, and a page of all."""
    return Pipeline(
        [*count(), *draw(), show()],
        namespace="exploration",
        inputs={"train", "ratings", "users", "item_table", "training_data"},
        parameters={"params:settings": "params:exploration", "params:scale": "params:scale"},
        outputs={
            name: f"exploration_{name}"
            for name in ("summary", "rating_counts_chart", "item_means_chart", "page")
        },
        tags="exploration",
    )


def count() -> list[Node]:
    """Tables."""
    train, settings = {"train": "train"}, {"settings": "params:settings"}
    of_both = {"users": "users_table", "items": "items_table"}
    return [
        node(tables.describe_users, {**train, "users": "users", **settings}, "users_table"),
        node(
            tables.describe_items, {**train, "item_table": "item_table", **settings}, "items_table"
        ),
        node(tables.count_ratings, {**train, "scale": "params:scale"}, "rating_counts_table"),
        node(tables.cross, {**train, **of_both, **settings}, "pairs_table"),
        node(tables.count_periods, {**train, "ratings": "ratings"}, "periods_table"),
        node(tables.summarise, {**train, **of_both, "periods": "periods_table"}, "summary"),
    ]


def draw() -> list[Node]:
    """Pictures."""
    data, settings = {"data": "training_data"}, {"settings": "params:settings"}
    return [
        node(
            charts.draw_rating_counts,
            {"rating_counts": "rating_counts_table", **data},
            "rating_counts_chart",
        ),
        node(
            charts.draw_counts,
            {"users": "users_table", "items": "items_table", **data},
            ["ratings_per_user_chart", "ratings_per_item_chart"],
        ),
        node(
            charts.draw_item_means,
            {"items": "items_table", **data, **settings},
            "item_means_chart",
        ),
        node(charts.draw_crosstab, {"pairs": "pairs_table", **data}, "crosstab_chart"),
        node(
            charts.draw_over_time,
            {"periods": "periods_table", **data},
            ["ratings_over_time_chart", "mean_over_time_chart"],
        ),
        *(
            node(
                Bound(draw_linked, what=what),
                {"table": f"{what}s_table", **data, **settings},
                f"linked_{what}s_chart",
                name=f"draw_linked_{what}s",
            )
            for what in ("user", "item")
        ),
    ]


def show() -> Node:
    """The page."""
    pictures = {name: f"{name}_chart" for name in CHARTS}
    return node(write_page, {"data": "training_data", "summary": "summary", **pictures}, "page")
