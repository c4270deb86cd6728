"""Each model fitted on train and refitted for good, side by side."""

from fivestar.pipelines.training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
