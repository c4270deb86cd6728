"""What each of a list of improvements brings to one model, tried one by one."""

from fivestar.pipelines.ablation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
