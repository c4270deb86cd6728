"""What to ask people who are new, and how fast predictions for them become good."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.newcomers.asking import fit_factor_model, hold_out_people, rank_items
from fivestar.pipelines.newcomers.charts import draw_models, draw_strategies
from fivestar.pipelines.newcomers.fitting import gather
from fivestar.pipelines.newcomers.items import measure_new_items
from fivestar.pipelines.newcomers.listing import write_questionnaire
from fivestar.pipelines.newcomers.measuring import (
    collect_errors,
    compare_strategies,
    measure_models,
)

DATA, PEOPLE, RANKINGS = "newcomers.data", "newcomers.people", "newcomers.rankings"
SETTINGS = "params:newcomers"


def create_pipeline() -> Pipeline:
    """The tags ``questionnaire``, ``strategies``, ``people``, ``items`` do one job alone."""
    jobs = gathering() + questionnaire() + asking() + new_people() + new_items()
    return Pipeline(jobs.nodes, tags="newcomers")


def gathering() -> Pipeline:
    """Train and validation, never test."""
    return Pipeline(
        [
            node(
                gather,
                inputs=[
                    *("train_matrix", "validation_matrix", "user_features", "item_features"),
                    *("params:models", SETTINGS, "params:scale"),
                ],
                outputs=DATA,
                name="gather_newcomers_data",
            ),
        ],
        tags=["questionnaire", "strategies", "people", "items"],
    )


def questionnaire() -> Pipeline:
    """What to ask."""
    return Pipeline(
        [
            node(
                write_questionnaire,
                inputs=[DATA, "vocabulary", "items", SETTINGS],
                outputs="questionnaire",
                name="write_questionnaire",
            ),
        ],
        tags="questionnaire",
    )


def asking() -> Pipeline:
    """People held out, and asked in several ways."""
    return Pipeline(
        [
            node(hold_out_people, inputs=[DATA, SETTINGS], outputs=PEOPLE, name="hold_out_people"),
            node(
                fit_factor_model,
                inputs=[DATA, PEOPLE, SETTINGS],
                outputs="newcomers.factor_model",
                name="fit_factor_model",
            ),
            node(
                rank_items,
                inputs=["newcomers.factor_model", DATA, PEOPLE, SETTINGS],
                outputs=RANKINGS,
                name="rank_items",
            ),
            node(
                compare_strategies,
                inputs=["newcomers.factor_model", PEOPLE, RANKINGS, SETTINGS],
                outputs=["newcomers.strategy_errors", "questionnaire_errors"],
                name="compare_strategies",
            ),
            node(
                draw_strategies,
                inputs=["questionnaire_errors", SETTINGS],
                outputs="questionnaire_chart",
                name="draw_questionnaire",
            ),
        ],
        tags=["strategies", "people"],
    )


def new_people() -> Pipeline:
    """Errors by model."""
    return Pipeline(
        [
            node(
                measure_models,
                inputs=[DATA, PEOPLE, RANKINGS, SETTINGS],
                outputs=["newcomers.model_errors", "newcomers.runs"],
                name="measure_newcomers",
            ),
            node(
                collect_errors,
                inputs=["newcomers.model_errors", "newcomers.strategy_errors"],
                outputs="newcomer_errors",
                name="collect_newcomer_errors",
            ),
            node(
                draw_models,
                inputs=["newcomer_errors", SETTINGS],
                outputs="newcomer_errors_chart",
                name="draw_newcomer_errors",
            ),
        ],
        tags="people",
    )


def new_items() -> Pipeline:
    """Errors on items without any rating."""
    return Pipeline(
        [
            node(
                measure_new_items,
                inputs=[DATA, SETTINGS],
                outputs="new_item_errors",
                name="measure_new_items",
            )
        ],
        tags="items",
    )
