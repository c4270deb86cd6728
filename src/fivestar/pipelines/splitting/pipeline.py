"""Ratings into splits, splits and side tables into what models learn from."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.splitting.encoding import encode_features
from fivestar.pipelines.splitting.nodes import assemble, collect_ids, split
from fivestar.ratings import item_table


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            node(
                split,
                {"ratings": "ratings", "test_pairs": "test_pairs", "settings": "params:splitting"},
                ["train", "validation", "test"],
            ),
            node(
                collect_ids,
                {"train": "train", "validation": "validation", "users": "users", "items": "items"},
                "ids",
            ),
            node(
                encode_features,
                {"users": "users", "items": "items", "ids": "ids", "settings": "params:ingestion"},
                "features",
            ),
            node(
                assemble,
                {
                    "train": "train",
                    "validation": "validation",
                    "ids": "ids",
                    "features": "features",
                    "scale": "params:scale",
                },
                "training_data",
            ),
            node(item_table, {"items": "items", "data": "training_data"}, "item_table"),
        ],
        tags="splitting",
    )
