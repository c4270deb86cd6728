"""What to recommend to whom, and how good that is."""

from fivestar.pipelines.recommendation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
