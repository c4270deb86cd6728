"""One page that tells the whole run."""

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from fivestar.pipelines import exploration, inspection
from fivestar.pipelines.choice import choose_model
from fivestar.pipelines.exploration.page import summary_table
from fivestar.pipelines.report.nodes import (
    Shown,
    describe_models,
    describe_run,
    gather,
    introduce,
    show_leaderboard,
    show_users,
    write_report,
)
from fivestar.pipelines.report.users import list_for_users
from fivestar.pipelines.wiring import Bound

SECTIONS = {
    "Training data": [
        Shown("summary"),
        Shown("exploration_rating_counts_chart"),
        Shown("exploration_item_means_chart", "Point at an item for its title.", wide=True),
    ],
    "Models": [Shown("board"), Shown("leaderboard_chart"), Shown("differences_chart")],
    "Learning": [
        Shown("learning_curves_chart"),
        Shown("learning_curves_from_step_100_chart"),  # only where a model learnt for so long
    ],
    "Errors": [
        Shown(
            "inspection_calibration_chart",
            "A calibrated model's points lie on the diagonal: of the ratings that it predicts at "
            "4, the mean is 4.",
        ),
        Shown("inspection_residuals_chart"),
    ],
    "Recommendations": [Shown("lists")],
    "How it was made": [
        Shown("facts"),
        Shown("models_table", "All settings of the final models.", wide=True),
    ],
}
"""What the report shows, section by section: datasets of this pipeline, or by their names of
other pipelines, which run as far as they are needed."""


def create_pipeline() -> Pipeline:
    """Starts from what ``kedro run`` has left."""
    own = Pipeline([*tell(), *show()])
    read = own.inputs()
    made = (
        stage.to_outputs(*(read & stage.all_outputs()))
        for stage in (exploration.create_pipeline(), inspection.create_pipeline())
    )
    parameters = {name for name in read if name.startswith("params:")}
    report = Pipeline(
        own,
        namespace="report",
        inputs=read - parameters,
        parameters={**{name: name for name in parameters}, "params:settings": "params:report"},
        outputs={"page": "report_page"},
        tags="report",
    )
    return sum(made, report)


def tell() -> list[Node]:
    """What no other pipeline makes."""
    models = {"trained_models": "trained_models", "leaderboard": "leaderboard"}
    data = {"data": "training_data"}
    chosen = {name: name for name in ("chosen_name", "chosen_model")}
    users = {**chosen, **data, "items": "item_table", "settings": "params:settings"}
    run = {**data, "splitting": "params:splitting", "provenance": "provenance"}
    return [
        choose_model("report"),
        node(list_for_users, users, "users_table"),
        node(describe_models, models, "models_table"),
        node(summary_table, {"summary": "exploration_summary"}, "summary"),
        node(show_leaderboard, {"leaderboard": "leaderboard"}, "board"),
        node(show_users, {"users": "users_table"}, "lists"),
        node(describe_run, run, "facts"),
        node(introduce, {**data, "leaderboard": "leaderboard"}, "heading"),
    ]


def show() -> list[Node]:
    """A node for each section, and the page."""
    names = {title: f"{title.lower().replace(' ', '_')}_section" for title in SECTIONS}
    sections = [
        node(
            Bound(gather, title=title, shown=shown),
            {each.dataset: each.dataset for each in shown},
            names[title],
            name=f"gather_{names[title]}",
        )
        for title, shown in SECTIONS.items()
    ]
    page = {"heading": "heading", **{name: name for name in names.values()}}
    return [*sections, node(write_report, page, "page")]
