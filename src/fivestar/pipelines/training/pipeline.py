"""One namespace a model; nothing in one waits for another, so they train side by side."""

from collections.abc import Iterable

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.training.nodes import fit, refit
from fivestar.pipelines.wiring import Bound


def create_pipeline(models: Iterable[str]) -> Pipeline:
    return sum((train_one(model) for model in models), Pipeline([]))


def train_one(model: str) -> Pipeline:
    """Fit and refit of one model."""
    return Pipeline(
        [
            node(
                Bound(fit, label=model),
                inputs=[
                    "train_matrix",
                    "validation_matrix",
                    "user_features",
                    "item_features",
                    "params:settings",
                    "params:scale",
                ],
                outputs=["fitted", "history"],
                name="fit",
            ),
            node(
                Bound(refit, label=model),
                inputs=[
                    "fitted",
                    "history",
                    "train_matrix",
                    "validation_matrix",
                    "user_features",
                    "item_features",
                    "params:scale",
                    "params:refit",
                ],
                outputs="model",
                name="refit",
            ),
        ],
        namespace=model,
        inputs={"train_matrix", "validation_matrix", "user_features", "item_features"},
        parameters={
            "params:settings": f"params:models.{model}",
            "params:scale": "params:scale",
            "params:refit": "params:refit",
        },
        tags=["training", model],
    )
