"""What to ask cold-start users, and how well they and cold-start items are predicted."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.cold_start.charts import draw_errors, draw_questions
from fivestar.pipelines.cold_start.items import measure_new_items
from fivestar.pipelines.cold_start.models import choose_models, fit_factor_model
from fivestar.pipelines.cold_start.questionnaire import write_questionnaire
from fivestar.pipelines.cold_start.users import (
    ask_users,
    compare_strategies,
    hold_out_users,
    measure_models,
)

SETTINGS = {"settings": "params:settings"}
DATA = {"data": "training_data", **SETTINGS}
BLOCKS = {"blocks": "blocks", **SETTINGS}


def create_pipeline() -> Pipeline:
    """The tags ``questionnaire``, ``strategies``, ``users``, ``items`` do one job alone."""
    return Pipeline(
        [choose() + write() + ask() + measure_users() + measure_items()],
        namespace="cold_start",
        inputs={"training_data", "item_table"},
        parameters={"params:settings": "params:cold_start", "params:models": "params:models"},
        tags="cold_start",
    )


def choose() -> Pipeline:
    """The models."""
    return Pipeline(
        [node(choose_models, {"models": "params:models", **SETTINGS}, "blocks")],
        tags=["questionnaire", "strategies", "users", "items"],
    )


def write() -> Pipeline:
    """What to ask."""
    inputs = {"item_table": "item_table", **DATA, **BLOCKS}
    return Pipeline([node(write_questionnaire, inputs, "questionnaire")], tags="questionnaire")


def ask() -> Pipeline:
    """Held-out users, asked in several ways."""
    asked = {name: name for name in ("held_out", "others", "prior")}
    compared = {name: name for name in ("factor_model", "interviews")}
    return Pipeline(
        [
            node(hold_out_users, DATA, ["held_out", "others"]),
            node(fit_factor_model, {"data": "others", **BLOCKS}, ["factor_model", "prior"]),
            node(ask_users, {**asked, **SETTINGS}, "interviews"),
            node(
                compare_strategies, {**compared, **SETTINGS}, ["strategy_errors", "questions_table"]
            ),
            node(draw_questions, {"questions": "questions_table", **DATA}, "questions_chart"),
        ],
        tags=["strategies", "users"],
    )


def measure_users() -> Pipeline:
    """Errors by model."""
    measured = {name: name for name in ("others", "interviews", "strategy_errors")}
    return Pipeline(
        [
            node(measure_models, {**measured, **BLOCKS}, ["errors_table", "runs"]),
            node(draw_errors, {"errors": "errors_table", **DATA}, "errors_chart"),
        ],
        tags="users",
    )


def measure_items() -> Pipeline:
    """Errors on items without any rating."""
    return Pipeline(
        [node(measure_new_items, {**DATA, **BLOCKS}, "new_items_table")],
        tags="items",
    )
