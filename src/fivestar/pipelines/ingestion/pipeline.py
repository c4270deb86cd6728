"""Raw tables to clean ones."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.ingestion.nodes import accept, clean_ratings, clean_test_pairs
from fivestar.pipelines.ingestion.side_tables import clean_items, clean_users


def create_pipeline() -> Pipeline:
    """Each table is checked and cleaned in memory; only when all are is any of them written."""
    return Pipeline(
        [
            node(
                clean_ratings,
                {"raw": "ratings_raw", "settings": "params:ingestion", "scale": "params:scale"},
                "cleaned_ratings",
            ),
            node(
                clean_test_pairs,
                {
                    "raw": "test_pairs_raw",
                    "ratings": "cleaned_ratings",
                    "settings": "params:ingestion",
                    "scale": "params:scale",
                },
                "cleaned_test_pairs",
            ),
            node(
                clean_users,
                {"raw": "users_raw", "ratings": "cleaned_ratings", "settings": "params:ingestion"},
                "cleaned_users",
            ),
            node(
                clean_items,
                {"raw": "items_raw", "ratings": "cleaned_ratings", "settings": "params:ingestion"},
                "cleaned_items",
            ),
            node(
                accept,
                {
                    "ratings": "cleaned_ratings",
                    "test_pairs": "cleaned_test_pairs",
                    "users": "cleaned_users",
                    "items": "cleaned_items",
                    "scale": "params:scale",
                },
                ["ratings", "test_pairs", "users", "items", "ratings_summary"],
            ),
        ],
        tags="ingestion",
    )
