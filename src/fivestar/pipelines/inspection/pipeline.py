"""What a trained model has learnt, and where it errs."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.choice import choose_model
from fivestar.pipelines.inspection.asking import find_neighbours
from fivestar.pipelines.inspection.charts import draw_factors, draw_map, draw_norms
from fivestar.pipelines.inspection.choosing import describe_items, find_embeddings
from fivestar.pipelines.inspection.error_charts import (
    draw_calibration,
    draw_coverages,
    draw_errors,
    draw_residuals,
)
from fivestar.pipelines.inspection.measuring import group_errors, predict_validation
from fivestar.pipelines.inspection.nodes import (
    compare_norms,
    describe_factors,
    list_biases,
    place_items,
)
from fivestar.pipelines.inspection.page import PICTURES, write_page
from fivestar.pipelines.wiring import Bound


def create_pipeline() -> Pipeline:
    """Of a final model; its errors are those of the same model fitted on train alone."""
    return ask() + look() + measure() + show()


def ask() -> Pipeline:
    """Neighbours of items. The tag ``ask`` runs this alone."""
    return Pipeline(
        [
            choose_model("inspection"),
            node(
                find_embeddings,
                inputs=[
                    "chosen_name",
                    "chosen_model",
                    "trained_models",
                    "leaderboard",
                    "vocabulary",
                    "params:model",
                ],
                outputs=["inspection.name", "inspection.embeddings"],
                name="find_embeddings",
            ),
            node(
                describe_items,
                inputs=["items", "train_matrix", "validation_matrix", "vocabulary"],
                outputs="inspection.items",
                name="list_items",
            ),
            node(
                find_neighbours,
                inputs=[
                    "inspection.name",
                    "inspection.embeddings",
                    "inspection.items",
                    "params:inspection",
                ],
                outputs=["inspection.asked", "inspection.neighbours"],
                name="find_neighbours",
            ),
        ],
        tags=["inspection", "ask"],
    )


def look() -> Pipeline:
    """Norms, map, biases and factors."""
    return Pipeline(
        [
            node(
                compare_norms,
                inputs=[
                    "inspection.name",
                    "inspection.embeddings",
                    "trained_models",
                    "leaderboard",
                    "vocabulary",
                    "items",
                    "inspection.items",
                    "params:inspection",
                ],
                outputs=["inspection.norms", "inspection.models_beside"],
                name="compare_norms",
            ),
            node(
                draw_norms,
                inputs=["inspection.norms", "inspection.models_beside"],
                outputs="inspection.norms_chart",
                name="draw_norms",
            ),
            node(
                place_items,
                inputs=["inspection.embeddings", "items", "inspection.items", "params:inspection"],
                outputs="inspection.places",
                name="place_items",
            ),
            node(
                draw_map,
                inputs="inspection.places",
                outputs="inspection.map_chart",
                name="draw_map",
            ),
            node(
                list_biases,
                inputs=[
                    "inspection.name",
                    "inspection.embeddings",
                    "inspection.items",
                    "params:inspection",
                ],
                outputs="inspection.biases",
                name="list_biases",
            ),
            node(
                describe_factors,
                inputs=["inspection.embeddings", "items", "inspection.items", "params:inspection"],
                outputs="inspection.factors",
                name="describe_factors",
            ),
            node(
                draw_factors,
                inputs="inspection.factors",
                outputs="inspection.factors_chart",
                name="draw_factors",
            ),
        ],
        tags="inspection",
    )


def measure() -> Pipeline:
    """Errors on validation."""
    return Pipeline(
        [
            node(
                predict_validation,
                inputs=[
                    "inspection.name",
                    "fitted_models",
                    "train_matrix",
                    "validation_matrix",
                    "vocabulary",
                    "params:inspection",
                ],
                outputs=["inspection.outcomes", "inspection.coverages"],
                name="predict_validation",
            ),
            node(
                group_errors,
                inputs="inspection.outcomes",
                outputs="inspection.errors_by_count",
                name="group_errors",
            ),
            node(
                draw_calibration,
                inputs=["inspection.name", "inspection.outcomes", "params:scale"],
                outputs="inspection.calibration_chart",
                name="draw_calibration",
            ),
            node(
                draw_residuals,
                inputs=["inspection.name", "inspection.outcomes", "params:scale"],
                outputs="inspection.residuals_chart",
                name="draw_residuals",
            ),
            *(
                node(
                    Bound(draw_errors, by=by),
                    inputs="inspection.errors_by_count",
                    outputs=f"inspection.errors_by_{by}_chart",
                    name=f"draw_errors_by_{by}",
                )
                for by in ("item", "user")
            ),
            node(
                draw_coverages,
                inputs=["inspection.name", "inspection.coverages"],
                outputs="inspection.coverage_chart",
                name="draw_coverages",
            ),
        ],
        tags="inspection",
    )


def show() -> Pipeline:
    """The page."""
    return Pipeline(
        [
            node(
                write_page,
                inputs=[
                    "inspection.name",
                    "leaderboard",
                    "inspection.asked",
                    "inspection.neighbours",
                    "inspection.places",
                    "inspection.models_beside",
                    "inspection.biases",
                    "inspection.factors",
                    "inspection.coverages",
                    "params:inspection",
                    *(f"inspection.{picture}_chart" for picture in PICTURES),
                ],
                outputs="inspection_page",
                name="write_inspection_page",
            )
        ],
        tags="inspection",
    )
