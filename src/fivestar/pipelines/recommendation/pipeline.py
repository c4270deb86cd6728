"""A trained model put to use: lists for users and for new ones, reasons, measures."""

from kedro.pipeline import Pipeline, node

from fivestar.analysis.list_quality import ALL_UNSEEN, ONLY_RATED
from fivestar.pipelines.choice import choose_model
from fivestar.pipelines.recommendation.charts import draw_ranking
from fivestar.pipelines.recommendation.nodes import (
    explain,
    find_users,
    make_recommender,
    measure_ranking,
    predict_all,
    read_new_users,
    recommend,
    recommend_to_new_users,
)
from fivestar.pipelines.wiring import Bound

JOBS = ["top", "new_users", "table", "ranking"]
"""Tags that do one of the jobs alone."""
ASKED = {"recommender": "recommender", "settings": "params:settings"}


def create_pipeline() -> Pipeline:
    """Starts from what ``kedro run`` has left."""
    jobs = recommender() + to_users() + to_new_users() + prediction_matrix() + ranking()
    names = ["training_data", "item_table", "test", "new_users_raw"]
    models = ["trained_models", "fitted_models", "chosen_name", "chosen_model"]
    own = Pipeline(
        jobs.nodes,
        namespace="recommendation",
        inputs={name: name for name in [*names, *models]},
        parameters={"params:settings": "params:recommendation"},
    )
    chosen = Pipeline([choose_model("recommendation")], tags=JOBS)
    return chosen + Pipeline(own.nodes, tags="recommendation")


def recommender() -> Pipeline:
    """The chosen model with ids and titles."""
    inputs = {
        "name": "chosen_name",
        "model": "chosen_model",
        "data": "training_data",
        "items": "item_table",
        "settings": "params:settings",
    }
    return Pipeline([node(make_recommender, inputs, "recommender")], tags=JOBS)


def to_users() -> Pipeline:
    """The best unseen items of users, and why these."""
    return Pipeline(
        [
            node(find_users, {"data": "training_data", "settings": "params:settings"}, "asked"),
            node(recommend, {**ASKED, "asked": "asked"}, "recommendations"),
            node(explain, {**ASKED, "recommendations": "recommendations"}, "explanations"),
        ],
        tags="top",
    )


def to_new_users() -> Pipeline:
    """The same for users whom the model has never seen."""
    return Pipeline(
        [
            node(
                read_new_users,
                {
                    "new_users_raw": "new_users_raw",
                    "data": "training_data",
                    "items": "item_table",
                    "settings": "params:settings",
                },
                "given",
            ),
            node(
                recommend_to_new_users,
                {**ASKED, "trained_models": "trained_models", "ratings": "given"},
                ["new_user_recommendations", "new_user_explanations"],
            ),
        ],
        tags="new_users",
    )


def prediction_matrix() -> Pipeline:
    """All predictions."""
    return Pipeline([node(predict_all, ASKED, "prediction_matrix")], tags="table")


def ranking() -> Pipeline:
    """How good such lists are."""
    models = {name: name for name in ("trained_models", "fitted_models")}
    return Pipeline(
        [
            node(measure_ranking, {**ASKED, **models, "test": "test"}, "ranking"),
            *(
                node(
                    Bound(draw_ranking, protocol=protocol),
                    {"ranking": "ranking", "data": "training_data"},
                    f"ranking_{protocol}_chart",
                    name=f"draw_ranking_{protocol}",
                )
                for protocol in (ALL_UNSEEN, ONLY_RATED)
            ),
        ],
        tags="ranking",
    )
