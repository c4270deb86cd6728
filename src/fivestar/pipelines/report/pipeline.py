"""One page that tells the whole run."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines import exploration, inspection
from fivestar.pipelines.choice import choose_model
from fivestar.pipelines.report.nodes import describe_models, write_report
from fivestar.pipelines.report.people import tell_people

TOLD = {
    exploration: ["exploration.summary", "exploration.stars", "exploration.item_means"],
    inspection: ["inspection.calibration_chart", "inspection.residuals_chart"],
}
"""What other pipelines make for the page."""


def create_pipeline() -> Pipeline:
    """Starts from what ``kedro run`` has left."""
    made = (stage.create_pipeline().to_outputs(*names) for stage, names in TOLD.items())
    return sum(made, own_nodes())


def own_nodes() -> Pipeline:
    """The page itself."""
    return Pipeline(
        [
            choose_model("report"),
            node(
                tell_people,
                inputs=[
                    "chosen_name",
                    "chosen_model",
                    "train_matrix",
                    "validation_matrix",
                    "vocabulary",
                    "items",
                    "params:report",
                ],
                outputs="report.people",
                name="tell_people",
            ),
            node(
                describe_models,
                inputs=["trained_models", "leaderboard"],
                outputs="report.models",
                name="describe_models",
            ),
            node(
                write_report,
                inputs=[
                    "params:dataset",
                    "exploration.summary",
                    "exploration.stars",
                    "exploration.item_means",
                    "leaderboard",
                    "leaderboard_chart",
                    "learning_curves",
                    "learning_curves_from_step_100",
                    "inspection.name",
                    "inspection.calibration_chart",
                    "inspection.residuals_chart",
                    "chosen_name",
                    "report.people",
                    "report.models",
                    "params:splitting",
                    "provenance",
                ],
                outputs="report_page",
                name="write_report",
            ),
        ],
        tags="report",
    )
