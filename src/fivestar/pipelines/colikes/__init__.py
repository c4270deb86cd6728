"""What is liked by the same people, and what to try because one likes a title."""

from fivestar.pipelines.colikes.pipeline import create_pipeline

__all__ = ["create_pipeline"]
