"""What the training ratings look like, as charts to click through."""

from fivestar.pipelines.exploration.pipeline import create_pipeline

__all__ = ["create_pipeline"]
