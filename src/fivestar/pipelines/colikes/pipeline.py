"""Likes to counts, counts to vectors by a grid of optimisers, vectors to an answer."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.colikes.answer import ask
from fivestar.pipelines.colikes.charts import draw_costs
from fivestar.pipelines.colikes.nodes import count_co_likes, train_grid


def create_pipeline() -> Pipeline:
    """Of train. The tag ``ask`` answers anew from the vectors that are there."""
    settings = {"settings": "params:settings"}
    return Pipeline(
        [
            node(
                count_co_likes,
                {"data": "training_data", "item_table": "item_table", **settings},
                ["items", "counts"],
            ),
            node(
                train_grid,
                {"items": "items", "counts": "counts", **settings},
                ["embeddings", "runs"],
            ),
            node(
                draw_costs,
                {"runs": "runs", "data": "training_data"},
                ["cost_adam_chart", "cost_sgd_chart"],
            ),
            node(
                ask,
                {"embeddings": "embeddings", **settings},
                ["answer", "recommendations"],
                tags="ask",
            ),
        ],
        namespace="colikes",
        inputs={"training_data", "item_table"},
        parameters={"params:settings": "params:colikes"},
        tags="colikes",
    )
