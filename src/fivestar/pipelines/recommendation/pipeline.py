"""A trained model put to use: lists for users and for new people, reasons, measures."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.choice import choose_model
from fivestar.pipelines.recommendation.charts import draw_ranking
from fivestar.pipelines.recommendation.explaining import explain
from fivestar.pipelines.recommendation.measuring import measure_ranking
from fivestar.pipelines.recommendation.newcomers import read_newcomers, recommend_to_newcomers
from fivestar.pipelines.recommendation.nodes import fill_full_table, find_users, recommend
from fivestar.pipelines.wiring import Bound

MATRICES = ["train_matrix", "validation_matrix"]
SETTINGS = "params:recommendation"


def create_pipeline() -> Pipeline:
    """The tags ``top``, ``newcomers``, ``table`` and ``ranking`` do one of the jobs alone."""
    model = Pipeline(
        [choose_model("recommendation")], tags=["top", "newcomers", "table", "ranking"]
    )
    jobs = model + recommend_to_users() + newcomers() + full_table() + ranking()
    return Pipeline(jobs.nodes, tags="recommendation")


def recommend_to_users() -> Pipeline:
    """The best unseen items of users, and why these."""
    return Pipeline(
        [
            node(
                find_users,
                inputs=["vocabulary", SETTINGS],
                outputs="asked_users",
                name="find_users",
            ),
            node(
                recommend,
                inputs=[
                    *("chosen_name", "chosen_model", "asked_users"),
                    *(*MATRICES, "vocabulary", "items", SETTINGS),
                ],
                outputs="recommendations",
                name="recommend",
            ),
            node(
                explain,
                inputs=[
                    *("chosen_model", "recommendations"),
                    *(*MATRICES, "vocabulary", "items", SETTINGS),
                ],
                outputs="explanations",
                name="explain",
            ),
        ],
        tags="top",
    )


def newcomers() -> Pipeline:
    """The same for people whom the model has never seen."""
    return Pipeline(
        [
            node(
                read_newcomers,
                inputs=[
                    *("newcomers_raw", "items", "vocabulary"),
                    *(*MATRICES, SETTINGS, "params:scale"),
                ],
                outputs="newcomer_ratings",
                name="read_newcomers",
            ),
            node(
                recommend_to_newcomers,
                inputs=[
                    *("chosen_name", "chosen_model", "trained_models", "newcomer_ratings"),
                    *(*MATRICES, "vocabulary", "items", SETTINGS),
                ],
                outputs=["newcomer_recommendations", "newcomer_explanations"],
                name="recommend_to_newcomers",
            ),
        ],
        tags="newcomers",
    )


def full_table() -> Pipeline:
    """All predictions."""
    return Pipeline(
        [
            node(
                fill_full_table,
                inputs=["chosen_name", "chosen_model", "vocabulary", SETTINGS],
                outputs="full_table",
                name="fill_full_table",
            )
        ],
        tags="table",
    )


def ranking() -> Pipeline:
    """How good such lists are."""
    return Pipeline(
        [
            node(
                measure_ranking,
                inputs=[
                    *("chosen_name", "trained_models", "fitted_models"),
                    *(*MATRICES, "test", "vocabulary", SETTINGS, "params:scale"),
                ],
                outputs="ranking_measures",
                name="measure_ranking",
            ),
            *(
                node(
                    Bound(draw_ranking, protocol=protocol),
                    inputs="ranking_measures",
                    outputs=f"ranking_{protocol}",
                    name=f"draw_ranking_{protocol}",
                )
                for protocol in ("all_unseen_items", "only_rated_items")
            ),
        ],
        tags="ranking",
    )
