"""What to ask people who are new, and how fast predictions for them become good."""

from fivestar.pipelines.newcomers.pipeline import create_pipeline

__all__ = ["create_pipeline"]
