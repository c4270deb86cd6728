"""New ratings beside the training data and the champion: whether to retrain."""

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from fivestar.pipelines.choice import choose
from fivestar.pipelines.monitoring import charts
from fivestar.pipelines.monitoring.new_ratings import clean_new_ratings
from fivestar.pipelines.monitoring.outcome import conclude
from fivestar.pipelines.monitoring.predictions import predict_parts
from fivestar.pipelines.monitoring.quality import (
    check_coverage,
    check_errors,
    check_reliability,
    check_unknown,
    follow_windows,
)
from fivestar.pipelines.monitoring.shares import compare_items, compare_stars
from fivestar.pipelines.wiring import named

CHECKS = {
    "stars": "stars_check",
    "popularity": "popularity_check",
    "unknown": "unknown_checks",
    "errors": "error_checks",
    "latest": "latest_check",
    "coverage": "coverage_check",
    "reliability": "reliability_check",
}


def create_pipeline() -> Pipeline:
    """Of the model that ``model`` names, or the champion."""
    return Pipeline(
        [*predict(), *compare(), *conclude_and_draw()],
        namespace="monitoring",
        inputs={
            *("new_ratings_raw", "ratings", "test_pairs", "validation", "test", "training_data"),
            *("item_table", "trained_models", "fitted_models", "leaderboard"),
        },
        parameters={
            "params:settings": "params:monitoring",
            **{f"params:{name}": f"params:{name}" for name in ("ingestion", "scale", "model")},
        },
        tags="monitoring",
    )


def predict() -> list[Node]:
    """The new ratings, cleaned and predicted, and the earlier ones to compare with."""
    files = named("ratings", "test_pairs", raw="new_ratings_raw")
    return [
        node(
            clean_new_ratings,
            {**files, "settings": "params:ingestion", "scale": "params:scale"},
            "new_ratings",
        ),
        node(
            choose,
            named("trained_models", "leaderboard", data="training_data", model="params:model"),
            ["name", "chosen"],
        ),
        node(
            predict_parts,
            named(
                *("name", "fitted_models", "validation", "test", "new_ratings"),
                model="chosen",
                data="training_data",
            ),
            ["new", "earlier"],
        ),
    ]


def compare() -> list[Node]:
    """One kind of drift each."""
    shares = named("new_ratings", data="training_data", settings="params:settings")
    quality = named("new", "earlier", settings="params:settings")
    return [
        node(compare_stars, shares, ["stars_table", "stars_check"]),
        node(compare_items, {**shares, **named("item_table")}, ["items_table", "popularity_check"]),
        node(check_unknown, quality, "unknown_checks"),
        node(check_errors, {**quality, "data": "training_data"}, "error_checks"),
        node(follow_windows, quality, ["windows_table", "latest_check"]),
        node(check_coverage, quality, "coverage_check"),
        node(check_reliability, quality, ["reliability_table", "reliability_check"]),
    ]


def conclude_and_draw() -> list[Node]:
    """The table of checks, the run in MLflow, and the pictures."""
    data = {"data": "training_data"}
    checks, windows = {"checks": "checks_table"}, {"windows": "windows_table"}
    return [
        node(
            conclude,
            named("name", "new", settings="params:settings", **windows, **CHECKS),
            ["checks_table", "runs"],
        ),
        node(charts.draw_checks, {**checks, **data}, "checks_chart"),
        node(charts.draw_stars, {"shares": "stars_table", **data}, "stars_chart"),
        node(charts.draw_items, {"shares": "items_table", **data}, "items_chart"),
        node(charts.draw_windows, {**windows, **checks, **data}, "windows_chart"),
        node(charts.draw_reliability, {"stars": "reliability_table", **data}, "reliability_chart"),
    ]
