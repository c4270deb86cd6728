"""The champion's predictions for the test pairs."""

from fivestar.pipelines.submission.pipeline import create_pipeline

__all__ = ["create_pipeline"]
