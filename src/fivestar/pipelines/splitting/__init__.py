"""Ratings into train, validation and test, and into sparse matrices."""

from fivestar.pipelines.splitting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
