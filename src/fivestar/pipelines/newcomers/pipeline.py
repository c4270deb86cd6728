"""What to ask people who are new, and how fast predictions for them become good."""

from kedro.pipeline import Pipeline


def create_pipeline() -> Pipeline:
    return Pipeline([], tags="newcomers")
