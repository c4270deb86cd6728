"""Every model measured in the same way, and compared."""

from fivestar.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
