"""The pipelines by name."""

from kedro.pipeline import Pipeline

from fivestar.hooks.line_up import Blocks, changes, line_up, tuned, zoo
from fivestar.pipelines import (
    ablation,
    cold_start,
    colikes,
    evaluation,
    exploration,
    ingestion,
    inspection,
    recommendation,
    report,
    splitting,
    submission,
    training,
    tuning,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Five stages; ``kedro run`` runs them all, on the line-up. ``zoo`` does so on all models.

    What looks at the outcome (``exploration`` to ``report``) starts from what these have left.
    """
    stages = create_stages(line_up())
    prepared = stages["ingestion"] + stages["splitting"]
    return {
        "__default__": sum(stages.values(), Pipeline([])),
        **stages,
        "zoo": sum(create_stages(zoo()).values(), Pipeline([])),
        "exploration": exploration.create_pipeline(),
        "inspection": inspection.create_pipeline(),
        "recommendation": recommendation.create_pipeline(),
        "cold_start": cold_start.create_pipeline(),
        "report": report.create_pipeline(),
        "colikes": prepared + colikes.create_pipeline(),
        "ablation": prepared + ablation.create_pipeline(*changes()),
        "tuning": prepared + tuning.create_pipeline(*tuned()),
    }


def create_stages(models: Blocks) -> dict[str, Pipeline]:
    """From raw tables to the submission, with these models."""
    return {
        "ingestion": ingestion.create_pipeline(),
        "splitting": splitting.create_pipeline(),
        "training": training.create_pipeline(models),
        "evaluation": evaluation.create_pipeline(models),
        "submission": submission.create_pipeline(models),
    }
