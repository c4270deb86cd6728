"""What a trained model has learnt, and where it errs."""

from fivestar.pipelines.inspection.pipeline import create_pipeline

__all__ = ["create_pipeline"]
