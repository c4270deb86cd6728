"""The champion's predictions as a file to hand in."""

from collections.abc import Iterable

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.submission.nodes import submit
from fivestar.pipelines.wiring import Bound


def create_pipeline(models: Iterable[str]) -> Pipeline:
    models = list(models)
    return Pipeline(
        [
            node(
                Bound(submit, models=models),
                inputs=[
                    "leaderboard",
                    "test",
                    "params:submission",
                    "params:scale",
                    *(f"{model}.predictions" for model in models),
                ],
                outputs="submission",
                name="submit",
            )
        ],
        tags="submission",
    )
