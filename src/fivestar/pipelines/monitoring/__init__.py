"""Whether new ratings are still what the champion was trained on."""

from fivestar.pipelines.monitoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
