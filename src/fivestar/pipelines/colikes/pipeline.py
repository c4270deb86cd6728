"""Likes to counts, counts to vectors by a grid of optimisers, vectors to an answer."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.colikes.answer import ask
from fivestar.pipelines.colikes.charts import draw_costs
from fivestar.pipelines.colikes.nodes import count_co_likes, train_grid
from fivestar.pipelines.colikes.settings import Learning


def create_pipeline() -> Pipeline:
    """Of train. The tag ``ask`` answers anew from the vectors that are there."""
    settings = {name: f"params:colikes.{name}" for name in Learning.model_fields}
    counted = {"data": "training_data", "item_table": "item_table", "settings": "learning"}
    learnt = {"items": "items", "counts": "counts", "settings": "learning"}
    charts = ["cost_adam_chart", "cost_sgd_chart"]
    asked = {"embeddings": "embeddings", "settings": "params:colikes"}
    return Pipeline(
        [
            node(Learning, settings, "learning"),
            node(count_co_likes, counted, ["items", "counts"]),
            node(train_grid, learnt, ["embeddings", "runs"]),
            node(draw_costs, {"runs": "runs", "data": "training_data"}, charts),
            node(ask, asked, ["answer", "recommendations"], tags="ask"),
        ],
        namespace="colikes",
        inputs={"training_data", "item_table"},
        parameters={"params:colikes", *settings.values()},
        tags="colikes",
    )
