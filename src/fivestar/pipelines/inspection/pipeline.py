"""What a trained model has learnt, and where it errs."""

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from fivestar.pipelines.inspection import charts, error_charts, page
from fivestar.pipelines.inspection.choosing import choose_inspected
from fivestar.pipelines.inspection.errors import group_errors, predict_validation
from fivestar.pipelines.inspection.neighbours import find_neighbours, require_titles
from fivestar.pipelines.inspection.vectors import (
    compare_norms,
    describe_factors,
    list_biases,
    place_items,
)

INSPECTED = {"inspected": "inspected"}
SETTINGS = {"settings": "params:settings"}
LOOK = {**INSPECTED, "items": "item_table", **SETTINGS}
MODELS = {"data": "training_data", "trained_models": "trained_models"}


def create_pipeline() -> Pipeline:
    """Of a final model; its errors are those of the same model fitted on train alone."""
    return Pipeline(
        [Pipeline(ask(), tags="ask"), *look(), *measure(), *show()],
        namespace="inspection",
        inputs={"training_data", "item_table", "trained_models", "fitted_models", "leaderboard"},
        parameters={"params:settings": "params:inspection", "params:model": "params:model"},
        outputs={
            name: f"inspection_{name}" for name in ("calibration_chart", "residuals_chart", "page")
        },
        tags="inspection",
    )


def ask() -> list[Node]:
    """Neighbours of items. The tag ``ask`` runs this alone."""
    which = {"leaderboard": "leaderboard", "model": "params:model"}
    return [
        node(choose_inspected, {**MODELS, **which}, "chosen"),
        node(require_titles, {**LOOK, "inspected": "chosen"}, "inspected"),
        node(find_neighbours, LOOK, ["asked", "neighbours_table"]),
    ]


def look() -> list[Node]:
    """Norms, map, biases and factors."""
    norms = {"norms": "norms", "models": "models_table"}
    return [
        node(compare_norms, {**LOOK, **MODELS}, ["norms", "models_table"]),
        node(charts.draw_norms, {**INSPECTED, **norms}, "norms_chart"),
        node(place_items, LOOK, "map_table"),
        node(charts.draw_map, {**INSPECTED, "places": "map_table"}, "map_chart"),
        node(list_biases, LOOK, "biases_table"),
        node(describe_factors, LOOK, "factors_table"),
        node(charts.draw_factors, {**INSPECTED, "factors": "factors_table"}, "factors_chart"),
    ]


def measure() -> list[Node]:
    """Errors on validation."""
    validated = {**INSPECTED, "data": "training_data", "fitted_models": "fitted_models"}
    outcomes = {**INSPECTED, "outcomes": "outcomes"}
    grouped = {**INSPECTED, "grouped": "errors_table"}
    coverage = {**INSPECTED, "coverages": "coverage_table"}
    return [
        node(predict_validation, {**validated, **SETTINGS}, ["outcomes", "coverage_table"]),
        node(group_errors, "outcomes", "errors_table"),
        node(error_charts.draw_calibration, outcomes, "calibration_chart"),
        node(error_charts.draw_residuals, outcomes, "residuals_chart"),
        node(error_charts.draw_errors, grouped, ["errors_by_item_chart", "errors_by_user_chart"]),
        node(error_charts.draw_coverage, coverage, "coverage_chart"),
    ]


def show() -> list[Node]:
    """The page."""
    neighbours = {"asked": "asked", "neighbours": "neighbours_table", **SETTINGS}
    charts = {"map_chart": "map_chart", "norms_chart": "norms_chart"}
    vectors = {"places": "map_table", "models": "models_table", **charts}
    tables = {"biases": "biases_table", "factors": "factors_table"}
    contents = {**tables, "factors_chart": "factors_chart", **SETTINGS}
    errors = {name: f"{name}_chart" for name in page.ERRORS}
    sections = {name: name for name in ("neighbours", "vectors", "contents", "errors")}
    return [
        node(page.show_neighbours, neighbours, "neighbours"),
        node(page.show_vectors, vectors, "vectors"),
        node(page.show_contents, contents, "contents"),
        node(page.show_errors, errors, "errors"),
        node(page.write_page, {**INSPECTED, **sections}, "page"),
    ]
