"""One page that tells the whole run."""

from fivestar.pipelines.report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
