"""Ratings into parts, parts and side tables into sparse matrices."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.splitting.encoding import build_features
from fivestar.pipelines.splitting.nodes import build_matrices, split


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            node(
                split,
                inputs=["ratings", "test_pairs", "params:splitting"],
                outputs=["train", "validation", "test"],
                name="split",
            ),
            node(
                build_matrices,
                inputs=["train", "validation", "test"],
                outputs=["vocabulary", "train_matrix", "validation_matrix"],
                name="build_matrices",
            ),
            node(
                build_features,
                inputs=["users", "items", "vocabulary", "params:ingestion"],
                outputs=["user_features", "item_features"],
                name="build_features",
            ),
        ],
        tags="splitting",
    )
