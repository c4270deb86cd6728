"""Raw tables to clean ones."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.ingestion.nodes import ingest


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            node(
                ingest,
                inputs=[
                    "ratings_raw",
                    "test_pairs_raw",
                    "users_raw",
                    "items_raw",
                    "params:ingestion",
                    "params:scale",
                ],
                outputs=["ratings", "test_pairs", "users", "items", "ratings_summary"],
                name="ingest",
            )
        ],
        tags="ingestion",
    )
