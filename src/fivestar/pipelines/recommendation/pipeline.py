"""What to recommend to whom, and how good that is."""

from kedro.pipeline import Pipeline


def create_pipeline() -> Pipeline:
    return Pipeline([], tags="recommendation")
