"""The champion's predictions for pairs that come later."""

from fivestar.pipelines.scoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
