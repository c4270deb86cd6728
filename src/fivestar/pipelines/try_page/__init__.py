"""A page to try a model: rate titles, and see predictions change."""

from fivestar.pipelines.try_page.pipeline import create_pipeline

__all__ = ["create_pipeline"]
