"""One namespace a model; nothing in one waits for another, so they train side by side."""

from collections.abc import Mapping
from typing import Any

from kedro.pipeline import Pipeline, node

from fivestar.models import version_of_block
from fivestar.pipelines.training.nodes import estimate, fit, refit
from fivestar.pipelines.wiring import EXPECTED_MINUTES, Bound, named


def create_pipeline(models: Mapping[str, Mapping[str, Any]]) -> Pipeline:
    """Of models by name, with their blocks."""
    return sum((train_one(name, block) for name, block in models.items()), Pipeline([]))


def train_one(model: str, block: Mapping[str, Any]) -> Pipeline:
    """Estimate of the time, fit and refit of one model."""
    version = version_of_block(block)
    limited = named(
        data="training_data", settings="params:settings", max_minutes="params:max_minutes"
    )
    return Pipeline(
        [
            node(Bound(estimate, label=model), limited, EXPECTED_MINUTES, name="estimate"),
            node(
                Bound(fit, label=model, version=version),
                limited | named(EXPECTED_MINUTES),
                ["fitted", "fit_history"],
                name="fit",
            ),
            node(
                Bound(refit, label=model, version=version),
                named("fitted", history="fit_history", data="training_data", wanted="params:refit"),
                ["model", "history"],
                name="refit",
            ),
        ],
        namespace=model,
        inputs="training_data",
        outputs={"history": f"history_{model}"},
        parameters={
            "params:settings": f"params:models.{model}",
            "params:max_minutes": "params:max_minutes",
            "params:refit": "params:refit",
        },
        tags=["training", model],
    )
