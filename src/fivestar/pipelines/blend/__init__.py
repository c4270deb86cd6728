"""How a blend weighs its members."""

from fivestar.pipelines.blend.pipeline import create_pipeline

__all__ = ["create_pipeline"]
