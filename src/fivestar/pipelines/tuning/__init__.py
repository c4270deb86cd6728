"""The settings of one model searched for on inner splits of train, trial by trial."""

from fivestar.pipelines.tuning.pipeline import create_pipeline

__all__ = ["create_pipeline"]
