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
from fivestar.pipelines.wiring import named


def create_pipeline() -> Pipeline:
    """The tags ``questionnaire``, ``strategies``, ``users``, ``items`` do one job alone."""
    asking = [
        node(hold_out_users, _reading(data="training_data"), ["held_out", "others"]),
        node(fit_factor_model, _reading("blocks", data="others"), ["factor_model", "prior"]),
        node(ask_users, _reading("held_out", "others", "prior"), "interviews"),
        node(
            compare_strategies,
            _reading("factor_model", "interviews"),
            ["strategy_errors", "questions_table"],
        ),
        node(
            draw_questions,
            _reading(questions="questions_table", data="training_data"),
            "questions_chart",
        ),
    ]
    measuring = [
        node(
            measure_models,
            _reading("others", "interviews", "strategy_errors", "blocks"),
            ["errors_table", "runs"],
        ),
        node(draw_errors, _reading(errors="errors_table", data="training_data"), "errors_chart"),
    ]
    models = node(choose_models, _reading(models="params:models"), "blocks")
    asked = _reading("item_table", "blocks", data="training_data")
    new_items = _reading("blocks", data="training_data")
    return Pipeline(
        [
            Pipeline([models], tags=["questionnaire", "strategies", "users", "items"]),
            Pipeline([node(write_questionnaire, asked, "questionnaire")], tags="questionnaire"),
            Pipeline(asking, tags=["strategies", "users"]),
            Pipeline(measuring, tags="users"),
            Pipeline([node(measure_new_items, new_items, "new_items_table")], tags="items"),
        ],
        namespace="cold_start",
        inputs={"training_data", "item_table"},
        parameters={"params:settings": "params:cold_start", "params:models": "params:models"},
        tags="cold_start",
    )


def _reading(*names: str, **datasets: str) -> dict[str, str]:
    """Inputs by argument, with the settings."""
    return named(*names, **datasets, settings="params:settings")
