"""Models trained and measured on every fold of the ratings."""

from fivestar.pipelines.cross_validation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
