"""One node a variant, then all compared."""

from collections.abc import Iterable

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.ablation.charts import draw_ablation
from fivestar.pipelines.ablation.nodes import compare_variants, try_variant
from fivestar.pipelines.wiring import Bound


def create_pipeline(base: str, variants: Iterable[str]) -> Pipeline:
    """Of a model of `models` and the names of what is changed in it."""
    changes = {variant: f"params:ablation.variants.{variant}" for variant in variants}
    model = f"params:models.{base}"
    trials = [
        node(
            Bound(try_variant, label=variant),
            {"data": "training_data", "base": model, "change": change},
            f"{variant}_runs",
            name=f"try_{variant}",
        )
        for variant, change in changes.items()
    ]
    compare = node(compare_variants, {name: f"{name}_runs" for name in changes}, "table")
    chart = Bound(draw_ablation, base=base)
    return Pipeline(
        [*trials, compare, node(chart, {"table": "table", "data": "training_data"}, "chart")],
        namespace="ablation",
        inputs="training_data",
        parameters={model, *changes.values()},
        outputs={"table": "ablation_table", "chart": "ablation_chart"},
        tags="ablation",
    )
