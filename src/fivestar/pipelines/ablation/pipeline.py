"""One node a variant, then all compared."""

from collections.abc import Iterable

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.ablation.nodes import compare_variants, draw_ablation, try_variant
from fivestar.pipelines.wiring import Bound


def create_pipeline(base: str, variants: Iterable[str]) -> Pipeline:
    variants = list(variants)
    trials = [
        node(
            Bound(try_variant, label=variant),
            inputs=[
                "train_matrix",
                "validation_matrix",
                f"params:models.{base}",
                f"params:ablation.variants.{variant}",
                "params:scale",
            ],
            outputs=f"ablation_{variant}.runs",
            name=f"try_{variant}",
        )
        for variant in variants
    ]
    comparison = [
        node(
            compare_variants,
            inputs=[f"ablation_{variant}.runs" for variant in variants],
            outputs="ablation_table",
            name="compare_variants",
        ),
        node(draw_ablation, "ablation_table", "ablation_chart", name="draw_ablation"),
    ]
    return Pipeline([*trials, *comparison], tags="ablation")
