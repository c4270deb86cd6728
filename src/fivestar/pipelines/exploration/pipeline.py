"""What the training ratings look like, as pictures to click through."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.exploration import charts, tables
from fivestar.pipelines.exploration.linked import draw_linked
from fivestar.pipelines.exploration.page import write_page

TOLD = ["summary", "rating_counts_chart", "item_means_chart", "page"]
"""What is read outside of this pipeline, by the report for instance."""


def create_pipeline() -> Pipeline:
    """Of the training ratings alone: tables, a picture of each, and a page of all."""
    train, data = {"train": "train"}, {"data": "training_data"}
    settings = {"settings": "params:settings"}
    both = {"users": "users_table", "items": "items_table"}
    counted = [
        node(tables.describe_users, {**train, "users": "users", **settings}, "users_table"),
        node(tables.describe_items, {**train, "items": "item_table", **settings}, "items_table"),
        node(tables.count_ratings, {**train, "scale": "params:scale"}, "rating_counts_table"),
        node(tables.cross, {**train, **both, **settings}, "pairs_table"),
        node(tables.count_periods, {**train, "ratings": "ratings"}, "periods_table"),
        node(tables.summarise, {**train, **both, "periods": "periods_table"}, "summary"),
    ]
    ratings, means = "rating_counts_chart", "item_means_chart"
    per = ["ratings_per_user_chart", "ratings_per_item_chart"]
    over_time = ["ratings_over_time_chart", "mean_over_time_chart"]
    linked = ["linked_users_chart", "linked_items_chart"]
    drawn = [
        node(charts.draw_rating_counts, {"table": "rating_counts_table", **data}, ratings),
        node(charts.draw_counts, {**both, **data}, per),
        node(charts.draw_item_means, {"items": "items_table", **data, **settings}, means),
        node(charts.draw_crosstab, {"pairs": "pairs_table", **data}, "crosstab_chart"),
        node(charts.draw_over_time, {"periods": "periods_table", **data}, over_time),
        node(draw_linked, {**both, **data, **settings}, linked),
    ]
    pictures = {name.removesuffix("_chart"): name for step in drawn for name in step.outputs}
    page = node(write_page, {**data, "summary": "summary", **pictures}, "page")
    return Pipeline(
        [*counted, *drawn, page],
        namespace="exploration",
        inputs={"train", "ratings", "users", "item_table", "training_data"},
        parameters={"params:settings": "params:exploration", "params:scale": "params:scale"},
        outputs={name: f"exploration_{name}" for name in TOLD},
        tags="exploration",
    )
