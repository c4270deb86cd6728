"""Ratings into splits, splits and side tables into what models learn from."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.splitting.encoding import encode_features
from fivestar.pipelines.splitting.nodes import assemble, collect_ids, split
from fivestar.pipelines.wiring import named
from fivestar.ratings import item_table


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            node(
                split,
                named("ratings", "test_pairs", settings="params:splitting"),
                ["train", "validation", "test"],
            ),
            node(
                collect_ids,
                named("train", "validation", "users", "items"),
                "ids",
            ),
            node(
                encode_features,
                named("users", "items", "ids", settings="params:ingestion"),
                "features",
            ),
            node(
                assemble,
                named("train", "validation", "ids", "features", scale="params:scale"),
                "training_data",
            ),
            node(item_table, named("items", data="training_data"), "item_table"),
        ],
        tags="splitting",
    )
