"""The weights of every blend of a run."""

from __future__ import annotations

from collections.abc import Iterable

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.blend.nodes import draw_weights, tabulate_weights
from fivestar.pipelines.wiring import Bound, named


def create_pipeline(blends: Iterable[str]) -> Pipeline:
    """Of blends by name; in the namespace of each, as it trains."""
    return sum((_weights(blend) for blend in blends), Pipeline([]))


def _weights(blend: str) -> Pipeline:
    table, chart = f"{blend}_weights", f"{blend}_weights_chart"
    return Pipeline(
        [
            node(tabulate_weights, f"{blend}.model", table, name=f"tabulate_{table}"),
            node(
                Bound(draw_weights, label=blend),
                named(weights=table, data="training_data"),
                chart,
                name=f"draw_{table}",
            ),
        ],
        tags=["blend", blend],
    )
