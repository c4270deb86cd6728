"""Each model measured in its namespace, then all compared."""

from collections.abc import Iterable

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.evaluation.charts import draw_leaderboard, draw_learning_curves
from fivestar.pipelines.evaluation.nodes import compare, evaluate
from fivestar.pipelines.wiring import Bound


def create_pipeline(models: Iterable[str]) -> Pipeline:
    models = list(models)
    return sum((evaluate_one(model) for model in models), compare_all(models))


def evaluate_one(model: str) -> Pipeline:
    """Predictions and metrics of one model."""
    return Pipeline(
        [
            node(
                Bound(evaluate, label=model),
                inputs=[
                    "fitted",
                    "model",
                    "history",
                    "train_matrix",
                    "validation",
                    "test",
                    "vocabulary",
                ],
                outputs=["predictions", "metrics"],
                name="evaluate",
            )
        ],
        namespace=model,
        inputs={"train_matrix", "validation", "test", "vocabulary"},
        tags=["evaluation", model],
    )


def compare_all(models: list[str]) -> Pipeline:
    """Leaderboard and pictures."""
    histories = [f"{model}.history" for model in models]
    return Pipeline(
        [
            node(
                Bound(compare, models=models),
                inputs=[f"{model}.metrics" for model in models],
                outputs="leaderboard",
                name="compare",
            ),
            node(
                draw_leaderboard,
                inputs="leaderboard",
                outputs="leaderboard_chart",
                name="draw_leaderboard",
            ),
            node(
                Bound(draw_learning_curves, models=models, from_step=0),
                inputs=histories,
                outputs="learning_curves",
                name="draw_learning_curves",
            ),
            node(
                Bound(draw_learning_curves, models=models, from_step=100),
                inputs=histories,
                outputs="learning_curves_from_step_100",
                name="draw_learning_curves_from_step_100",
            ),
        ],
        tags="evaluation",
    )
