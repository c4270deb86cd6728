"""The pipelines of the same names on Spark, for tables that no machine holds."""

from fivestar.pipelines.spark.pipeline import create_pipelines

__all__ = ["create_pipelines"]
