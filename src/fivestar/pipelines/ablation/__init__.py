"""The course's list of improvements, one by one against the course's model."""

from fivestar.pipelines.ablation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
