"""What to ask cold-start users, and how well they and cold-start items are predicted."""

from fivestar.pipelines.cold_start.pipeline import create_pipeline

__all__ = ["create_pipeline"]
