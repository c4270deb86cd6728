"""The pipelines by name."""

from kedro.pipeline import Pipeline

from fivestar.hooks.line_up import (
    SPARK,
    Blocks,
    blends,
    changes,
    cross_validated,
    engine,
    line_up,
    tuned,
    zoo,
)
from fivestar.pipelines import (
    ablation,
    blend,
    cold_start,
    colikes,
    cross_validation,
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
    """Five stages; ``kedro run`` runs them all, on the line-up. ``zoo`` does so on all models,
    ``blend`` on the line-up and blends.

    What looks at the outcome (``exploration`` to ``report``) starts from what these have left.
    Under ``engine: spark`` there are the five stages and ``recommendation``, by the same names.
    """
    if engine() == SPARK:
        from fivestar.pipelines.spark import create_pipelines  # needs pyspark, an optional extra

        return create_pipelines(line_up())
    stages = create_stages(line_up())
    prepared = stages["ingestion"] + stages["splitting"]
    return {
        "__default__": sum(stages.values(), Pipeline([])),
        **stages,
        "blend": complete(line_up() | blends()),
        "zoo": complete(zoo()),
        "exploration": exploration.create_pipeline(),
        "inspection": inspection.create_pipeline(),
        "recommendation": recommendation.create_pipeline(),
        "cold_start": cold_start.create_pipeline(),
        "report": report.create_pipeline(),
        "colikes": prepared + colikes.create_pipeline(),
        "cross_validation": cross_validation.create_pipeline(*cross_validated()),
        "ablation": prepared + ablation.create_pipeline(*changes()),
        "tuning": prepared + tuning.create_pipeline(*tuned()),
    }


def complete(models: Blocks) -> Pipeline:
    """All stages with these models, and the weights of the blends among them."""
    return sum(create_stages(models).values(), blend.create_pipeline(blends()))


def create_stages(models: Blocks) -> dict[str, Pipeline]:
    """From raw tables to the submission, with these models."""
    return {
        "ingestion": ingestion.create_pipeline(),
        "splitting": splitting.create_pipeline(),
        "training": training.create_pipeline(models),
        "evaluation": evaluation.create_pipeline(models),
        "submission": submission.create_pipeline(models),
    }
