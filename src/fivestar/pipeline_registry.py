"""The pipelines by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from kedro.framework import project
from kedro.pipeline import Pipeline

from fivestar.hooks.line_up import (
    SPARK,
    Blocks,
    blends,
    changes,
    cross_validated,
    engine,
    line_up,
    tuned,
    zoo,
)

PREPARATION = ("ingestion", "splitting")
MODELLING = ("training", "evaluation", "submission")
"""Stages that are told the models."""


def register_pipelines() -> dict[str, Pipeline]:
    """Five stages; ``kedro run`` runs them all, on the line-up. ``zoo`` does so on all models,
    ``blend`` on the line-up and blends.

    What looks at the outcome (``exploration`` to ``report``) starts from what these have left.
    Under ``engine: spark`` there are the five stages and ``recommendation``, by the same names.

    Only those that the command names are made, and their modules imported; all, if it names none.
    """
    if engine() == SPARK:
        from fivestar.pipelines.spark import create_pipelines  # needs pyspark, an optional extra

        return create_pipelines(line_up())
    creators = _creators()
    # Kedro's own `find_pipelines` reads it there too.
    names = project.pipelines._requested_pipelines or creators.keys()
    return {name: creators[name]() for name in names if name in creators}


def _creators() -> dict[str, Callable[[], Pipeline]]:
    return {
        "__default__": lambda: joined(line_up()),
        **{stage: partial(created, stage) for stage in PREPARATION},
        **{stage: partial(_of_line_up, stage) for stage in MODELLING},
        "blend": lambda: joined(line_up() | blends()) + created("blend", blends()),
        "zoo": lambda: joined(zoo()) + created("blend", blends()),
        "exploration": partial(created, "exploration"),
        "inspection": partial(created, "inspection"),
        "recommendation": partial(created, "recommendation"),
        "scoring": partial(created, "scoring"),
        "cold_start": partial(created, "cold_start"),
        "report": partial(created, "report"),
        "try_page": partial(created, "try_page"),
        "colikes": lambda: prepared() + created("colikes"),
        "cross_validation": lambda: created("cross_validation", *cross_validated()),
        "ablation": lambda: prepared() + created("ablation", *changes()),
        "monitoring": partial(created, "monitoring"),
        "tuning": lambda: prepared() + created("tuning", *tuned()),
    }


def _of_line_up(stage: str) -> Pipeline:
    return created(stage, line_up())


def created(name: str, *settings: Any) -> Pipeline:
    """The pipeline of a folder, which is imported here."""
    pipeline: Pipeline = importlib.import_module(f"fivestar.pipelines.{name}").create_pipeline(
        *settings
    )
    return pipeline


def prepared() -> Pipeline:
    """From raw tables to the split."""
    return sum((created(stage) for stage in PREPARATION), Pipeline([]))


def joined(models: Blocks) -> Pipeline:
    """From raw tables to the submission, with these models."""
    return sum((created(stage, models) for stage in MODELLING), prepared())
