"""The champion's predictions as a file to hand in."""

from collections.abc import Iterable

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.submission.nodes import describe_submission, submit
from fivestar.pipelines.wiring import named


def create_pipeline(models: Iterable[str]) -> Pipeline:
    return Pipeline(
        [
            node(
                submit,
                named(
                    *("leaderboard", "test"),
                    settings="params:submission",
                    scale="params:scale",
                    **{model: f"predictions_{model}" for model in models},
                ),
                "submission",
            ),
            node(
                describe_submission,
                named("submission", "leaderboard", data="training_data"),
                "submission_description",
            ),
        ],
        tags="submission",
    )
