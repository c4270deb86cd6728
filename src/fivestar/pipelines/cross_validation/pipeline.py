"""Folds, then every model on every fold, then means and differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedro.pipeline import Pipeline, node

from fivestar.models import uses_times, version_of_block
from fivestar.pipelines import ingestion, splitting
from fivestar.pipelines.cross_validation.charts import draw_cross_validation
from fivestar.pipelines.cross_validation.folds import deal, hold_out_fold
from fivestar.pipelines.cross_validation.nodes import (
    compare_over_folds,
    cross_validate,
    describe,
    gather,
    identify,
    list_summary_runs,
    summarise,
    tabulate,
)
from fivestar.pipelines.cross_validation.settings import CrossValidationSettings
from fivestar.pipelines.wiring import SIDE_BY_SIDE, Bound, named

NAME = "cross_validation"
SHARED = ("ratings", "users", "items")
"""Tables of the main job that folds are made of."""
EXPOSED = ("table", "summary", "description", "differences", "chart")


def create_pipeline(
    models: Mapping[str, Mapping[str, Any]], settings: CrossValidationSettings
) -> Pipeline:
    """Of models by name, with their blocks; starts from raw tables."""
    folds = range(1, settings.n_folds + 1)
    cells = {f"{model}_fold_{fold}": (model, fold) for fold in folds for model in models}
    time_aware = [model for model, block in models.items() if uses_times(block)]
    inside = sum(
        [
            *(cross_validate_one(model, models[model], fold) for model, fold in cells.values()),
            *(gather_one(model, folds) for model in models),
            compare({cell: f"{cell}_runs" for cell in cells}, time_aware),
            Pipeline(
                [
                    node(
                        Bound(describe, study=settings.study),
                        {"dataset": "params:dataset"}
                        | {f"fold_{fold}": f"fold_{fold}_identity" for fold in folds},
                        "description",
                    )
                ]
            ),
        ],
        _published(folds) if settings.folds == "published" else _dealt(settings),
    )
    raw = {name for name in inside.inputs() if name.endswith("_raw")}
    pipeline = Pipeline(
        inside,
        namespace=NAME,
        inputs=raw | inside.inputs() & set(SHARED),
        parameters=_parameters(inside),
        outputs={name: f"{NAME}_{name}" for name in EXPOSED},
        tags=NAME,
    )
    return pipeline if settings.folds == "published" else ingestion.create_pipeline() + pipeline


def _dealt(settings: CrossValidationSettings) -> Pipeline:
    """The ratings dealt into folds, and the split of each."""
    folds = range(1, settings.n_folds + 1)
    dealer = Bound(deal, folds=settings.folds, n_folds=settings.n_folds, seed=settings.seed)
    dealing = Pipeline([node(dealer, "ratings", "dealt")])
    prepared = [
        node(Bound(hold_out_fold, fold=fold), "dealt", ["ratings", "test_pairs"], name="hold_out")
        for fold in folds
    ]
    inputs = {"dealt", "users", "items"}
    return sum(
        (
            _split(fold, Pipeline([first]), inputs)
            for fold, first in zip(folds, prepared, strict=True)
        ),
        dealing,
    )


def _published(folds: range) -> Pipeline:
    """The split of each fold that the data set ships."""
    pipelines = []
    for fold in folds:
        raw = {f"{table}_raw": f"fold_{fold}_{table}_raw" for table in ("ratings", "test_pairs")}
        inputs = raw | named("users_raw", "items_raw")
        pipelines.append(_split(fold, ingestion.create_pipeline(), inputs))
    return sum(pipelines, Pipeline([]))


def _split(fold: int, tables: Pipeline, inputs: set[str] | dict[str, str]) -> Pipeline:
    """What models learn from in one fold, the pairs that they are tested on, and which it is."""
    identity = node(identify, named("test", data="training_data"), "identity")
    needed = (tables + splitting.create_pipeline()).to_outputs("training_data", "test")
    needed += Pipeline([identity])
    return Pipeline(
        needed,
        namespace=f"fold_{fold}",
        inputs=inputs,
        parameters=_parameters(needed),
        outputs={name: f"fold_{fold}_{name}" for name in ("training_data", "test", "identity")},
    )


def cross_validate_one(model: str, block: Mapping[str, Any], fold: int) -> Pipeline:
    """One model on one fold; it waits for all folds, so that they are begun in their order."""
    fixed = {"label": model, "fold": fold}
    return Pipeline(
        [
            node(
                Bound(cross_validate, version=version_of_block(block), **fixed),
                named(
                    "description",
                    data=f"fold_{fold}_training_data",
                    test=f"fold_{fold}_test",
                    model=f"params:models.{model}",
                    max_minutes="params:max_minutes",
                    refit="params:refit",
                ),
                [f"{model}_fold_{fold}_predictions", f"{model}_fold_{fold}_runs"],
                name=f"{model}_fold_{fold}",
                tags=SIDE_BY_SIDE,
            )
        ]
    )


def gather_one(model: str, folds: range) -> Pipeline:
    """The out-of-fold predictions of one model."""
    predictions = {f"fold_{fold}": f"{model}_fold_{fold}_predictions" for fold in folds}
    return Pipeline([node(gather, predictions, f"{model}_predictions", name=f"gather_{model}")])


def compare(runs: Mapping[str, str], time_aware: list[str]) -> Pipeline:
    """Tables and the picture."""
    return Pipeline(
        [
            node(tabulate, dict(runs), "table"),
            node(Bound(summarise, time_aware=time_aware), "table", "summary"),
            node(
                list_summary_runs,
                {"summary": "summary", "description": "description", **runs},
                "summary_runs",
            ),
            node(
                compare_over_folds,
                named("table", "description", settings="params:evaluation"),
                "differences",
            ),
            node(draw_cross_validation, named("table", "summary", "description"), "chart"),
        ]
    )


def _parameters(pipeline: Pipeline) -> set[str]:
    return {name for name in pipeline.inputs() if name.startswith("params:")}
