"""Raw tables to clean ones."""

from fivestar.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
