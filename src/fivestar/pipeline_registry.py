"""The pipelines by name."""

from kedro.pipeline import Pipeline

from fivestar.line_up import line_up
from fivestar.pipelines import evaluation, ingestion, splitting, submission, training


def register_pipelines() -> dict[str, Pipeline]:
    """Five stages; ``kedro run`` runs them all."""
    models = line_up()
    stages = {
        "ingestion": ingestion.create_pipeline(),
        "splitting": splitting.create_pipeline(),
        "training": training.create_pipeline(models),
        "evaluation": evaluation.create_pipeline(models),
        "submission": submission.create_pipeline(models),
    }
    return {"__default__": sum(stages.values(), Pipeline([])), **stages}
