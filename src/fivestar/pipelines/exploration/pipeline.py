"""What the training ratings look like, as pictures to click through."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.exploration import charts, tables
from fivestar.pipelines.exploration.linked import draw_linked
from fivestar.pipelines.exploration.page import render_exploration
from fivestar.pipelines.wiring import Bound

PICTURES = [
    "exploration.stars",
    "exploration.ratings_per_user",
    "exploration.ratings_per_item",
    "exploration.item_means",
    "exploration.crosstab",
    "exploration.ratings_over_time",
    "exploration.mean_over_time",
    "exploration.linked_users",
    "exploration.linked_items",
]


def create_pipeline() -> Pipeline:
    """Of the train part alone: tables, a picture of each, and a page of all."""
    return Pipeline([count(), draw(), show()], tags="exploration")


def count() -> Pipeline:
    """Tables."""
    return Pipeline(
        [
            node(
                tables.describe_users,
                inputs=["train", "users", "params:exploration"],
                outputs="exploration.users",
                name="describe_users",
            ),
            node(
                tables.describe_items,
                inputs=["train", "items", "params:exploration"],
                outputs="exploration.items",
                name="describe_items",
            ),
            node(
                tables.count_stars,
                inputs=["train", "params:scale"],
                outputs="exploration.star_counts",
                name="count_stars",
            ),
            node(
                tables.cross,
                inputs=["train", "exploration.users", "exploration.items", "params:exploration"],
                outputs="exploration.pairs",
                name="cross",
            ),
            node(
                tables.count_periods,
                inputs=["train", "ratings"],
                outputs="exploration.periods",
                name="count_periods",
            ),
            node(
                tables.summarise,
                inputs=["train", "exploration.users", "exploration.items", "exploration.periods"],
                outputs="exploration.summary",
                name="summarise",
            ),
        ]
    )


def draw() -> Pipeline:
    """Pictures."""
    return Pipeline(
        [
            node(
                charts.draw_stars,
                inputs="exploration.star_counts",
                outputs="exploration.stars",
                name="draw_stars",
            ),
            node(
                Bound(charts.draw_counts, what="user"),
                inputs="exploration.users",
                outputs="exploration.ratings_per_user",
                name="draw_ratings_per_user",
            ),
            node(
                Bound(charts.draw_counts, what="item"),
                inputs="exploration.items",
                outputs="exploration.ratings_per_item",
                name="draw_ratings_per_item",
            ),
            node(
                charts.draw_item_means,
                inputs=["exploration.items", "params:scale", "params:exploration"],
                outputs="exploration.item_means",
                name="draw_item_means",
            ),
            node(
                charts.draw_cross,
                inputs=["exploration.pairs", "params:scale"],
                outputs="exploration.crosstab",
                name="draw_crosstab",
            ),
            node(
                charts.draw_periods,
                inputs="exploration.periods",
                outputs="exploration.ratings_over_time",
                name="draw_ratings_over_time",
            ),
            node(
                charts.draw_mean_over_time,
                inputs="exploration.periods",
                outputs="exploration.mean_over_time",
                name="draw_mean_over_time",
            ),
            node(
                Bound(draw_linked, what="user"),
                inputs=["exploration.users", "params:scale", "params:exploration"],
                outputs="exploration.linked_users",
                name="draw_linked_users",
            ),
            node(
                Bound(draw_linked, what="item"),
                inputs=["exploration.items", "params:scale", "params:exploration"],
                outputs="exploration.linked_items",
                name="draw_linked_items",
            ),
        ]
    )


def show() -> Pipeline:
    """The page."""
    return Pipeline(
        [
            node(
                render_exploration,
                inputs=[
                    "params:dataset",
                    "exploration.summary",
                    "exploration.users",
                    "exploration.items",
                    *PICTURES,
                ],
                outputs="exploration_page",
                name="render_exploration",
            )
        ]
    )
