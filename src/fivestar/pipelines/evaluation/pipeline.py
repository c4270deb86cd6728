"""Each model measured in its namespace, then all compared."""

from collections.abc import Mapping
from typing import Any

from kedro.pipeline import Pipeline, node

from fivestar.models import uses_times
from fivestar.pipelines.evaluation.charts import (
    draw_differences,
    draw_leaderboard,
    draw_learning_curves,
)
from fivestar.pipelines.evaluation.nodes import (
    compare,
    describe_leaderboard,
    evaluate,
    measure,
)
from fivestar.pipelines.wiring import Bound, named

OUTPUTS = ["predictions", "metrics"]
"""Of the evaluation of a model."""


def create_pipeline(models: Mapping[str, Mapping[str, Any]]) -> Pipeline:
    """Of models by name, with their blocks."""
    time_aware = [model for model, block in models.items() if uses_times(block)]
    compared = compare_all(list(models)) + draw(list(models), time_aware)
    return sum((evaluate_one(model) for model in models), compared)


def evaluate_one(model: str) -> Pipeline:
    """Predictions and metrics of one model."""
    return Pipeline(
        [
            node(
                Bound(evaluate, label=model),
                named("fitted", "model", "history", "validation", "test", data="training_data"),
                OUTPUTS,
                name="evaluate",
            )
        ],
        namespace=model,
        inputs=named("training_data", "validation", "test", history=f"history_{model}"),
        outputs={name: f"{name}_{model}" for name in OUTPUTS},
        tags=["evaluation", model],
    )


def compare_all(models: list[str]) -> Pipeline:
    """The leaderboard, and which differences in it are real."""
    inputs = {model: {kind: f"{kind}_{model}" for kind in OUTPUTS} for model in models}
    measured = {model: f"{model}_measured" for model in models}
    return Pipeline(
        [
            *(
                node(measure, inputs[model], measured[model], name=f"measure_{model}")
                for model in models
            ),
            node(
                compare,
                {"settings": "params:settings", **measured},
                ["leaderboard", "differences"],
            ),
        ],
        namespace="comparison",
        inputs={name for own in inputs.values() for name in own.values()},
        outputs={"leaderboard", "differences"},
        parameters={"params:settings": "params:evaluation"},
        tags="evaluation",
    )


def draw(models: list[str], time_aware: list[str]) -> Pipeline:
    """The pictures; models that use times stand apart."""
    histories = {model: f"history_{model}" for model in models}
    return Pipeline(
        [
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
            node(
                draw_differences,
                named("differences", "leaderboard", data="training_data"),
                "differences_chart",
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
