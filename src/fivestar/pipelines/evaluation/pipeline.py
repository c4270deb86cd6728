"""Each model measured in its namespace, then all compared."""

from collections.abc import Mapping
from typing import Any

from kedro.pipeline import Pipeline, node

from fivestar.models import uses_times
from fivestar.pipelines.evaluation.charts import draw_leaderboard, draw_learning_curves
from fivestar.pipelines.evaluation.nodes import compare, describe_leaderboard, evaluate
from fivestar.pipelines.wiring import Bound, named


def create_pipeline(models: Mapping[str, Mapping[str, Any]]) -> Pipeline:
    """Of models by name, with their blocks."""
    time_aware = [model for model, block in models.items() if uses_times(block)]
    compared = compare_all(list(models), time_aware)
    return sum((evaluate_one(model) for model in models), compared)


def evaluate_one(model: str) -> Pipeline:
    """Predictions and metrics of one model."""
    return Pipeline(
        [
            node(
                Bound(evaluate, label=model),
                named("fitted", "model", "history", "validation", "test", data="training_data"),
                ["predictions", "metrics"],
                name="evaluate",
            )
        ],
        namespace=model,
        inputs=named("training_data", "validation", "test", history=f"history_{model}"),
        outputs={name: f"{name}_{model}" for name in ("predictions", "metrics")},
        tags=["evaluation", model],
    )


def compare_all(models: list[str], time_aware: list[str]) -> Pipeline:
    """Leaderboard and pictures; those of the models that use times stand apart."""
    metrics = {model: f"metrics_{model}" for model in models}
    histories = {model: f"history_{model}" for model in models}
    return Pipeline(
        [
            node(compare, metrics, "leaderboard"),
            node(
                describe_leaderboard,
                named("leaderboard", data="training_data"),
                "leaderboard_description",
            ),
            node(
                Bound(draw_leaderboard, time_aware=time_aware),
                named("leaderboard", data="training_data"),
                "leaderboard_chart",
            ),
            *(
                node(
                    Bound(draw_learning_curves, from_step=step),
                    {"data": "training_data", **histories},
                    f"learning_curves{since}_chart",
                    name=f"draw_learning_curves{since}",
                )
                for step, since in ((0, ""), (100, "_from_step_100"))
            ),
        ],
        tags="evaluation",
    )
