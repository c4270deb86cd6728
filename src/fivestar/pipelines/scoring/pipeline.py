"""Predictions for a file of pairs, by a model that is there already."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.choice import choose_model
from fivestar.pipelines.scoring.nodes import score
from fivestar.pipelines.wiring import named


def create_pipeline() -> Pipeline:
    """Starts from what ``kedro run`` has left."""
    return Pipeline(
        [
            choose_model("scoring"),
            node(
                score,
                named(
                    "pairs_raw",
                    **{"name": "chosen_name", "model": "chosen_model"},
                    **{"data": "training_data", "items": "item_table"},
                    settings="params:ingestion",
                ),
                "scored",
            ),
        ],
        tags="scoring",
    )
