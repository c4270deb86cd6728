"""Ratings into parts, parts into sparse matrices."""

from kedro.pipeline import Pipeline, node

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
        ],
        tags="splitting",
    )
