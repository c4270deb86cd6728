"""Likes to counts, counts to vectors by a grid of optimisers, vectors to an answer."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.colikes.answer import ask
from fivestar.pipelines.colikes.charts import draw_costs
from fivestar.pipelines.colikes.nodes import count, train_grid
from fivestar.pipelines.wiring import Bound


def create_pipeline() -> Pipeline:
    """Of the train part. The tag ``ask`` answers anew from the vectors that are there."""
    return Pipeline(
        [
            node(
                count,
                inputs=["train", "items", "params:colikes", "params:scale"],
                outputs=["colikes.items", "colikes.counts"],
                name="count_co_likes",
            ),
            node(
                train_grid,
                inputs=["colikes.items", "colikes.counts", "params:colikes"],
                outputs=["colikes.embeddings", "colikes.runs"],
                name="train_grid",
            ),
            node(
                Bound(draw_costs, optimizer="adam"),
                inputs="colikes.runs",
                outputs="colikes.cost_adam",
                name="draw_cost_adam",
            ),
            node(
                Bound(draw_costs, optimizer="sgd"),
                inputs="colikes.runs",
                outputs="colikes.cost_sgd",
                name="draw_cost_sgd",
            ),
            node(
                ask,
                inputs=["colikes.embeddings", "params:colikes"],
                outputs=["colikes.answer", "colikes.recommendations"],
                name="ask",
                tags="ask",
            ),
        ],
        tags="colikes",
    )
