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
from fivestar.pipelines.wiring import Bound, named

JOBS = ["top", "new_users", "table", "ranking"]
"""Tags that do one of the jobs alone."""


def create_pipeline() -> Pipeline:
    """Starts from what ``kedro run`` has left."""
    chosen = {"name": "chosen_name", "model": "chosen_model"}
    known = {"data": "training_data", "items": "item_table"}
    of_new_users = ["new_user_recommendations_table", "new_user_explanations_table"]
    nodes = [
        node(make_recommender, _asked(**chosen, **known), "recommender", tags=JOBS),
        # The best unseen items of users, and why these.
        node(find_users, _asked(data="training_data"), "asked", tags="top"),
        node(recommend, _asked("recommender", "asked"), "recommendations_table", tags="top"),
        node(
            explain,
            _asked("recommender", recommendations="recommendations_table"),
            "explanations_table",
            tags="top",
        ),
        # The same for users whom the model has never seen.
        node(read_new_users, _asked("new_users_raw", **known), "given", tags="new_users"),
        node(
            recommend_to_new_users,
            _asked("recommender", "trained_models", ratings="given"),
            of_new_users,
            tags="new_users",
        ),
        # All predictions, and how good lists are.
        node(predict_all, _asked("recommender"), "prediction_matrix", tags="table"),
        node(
            measure_ranking,
            _asked("recommender", "trained_models", "fitted_models", "test"),
            "ranking",
            tags="ranking",
        ),
        *(
            node(
                Bound(draw_ranking, protocol=protocol),
                {"ranking": "ranking", "data": "training_data"},
                f"ranking_{protocol}_chart",
                name=f"draw_ranking_{protocol}",
                tags="ranking",
            )
            for protocol in (ALL_UNSEEN, ONLY_RATED)
        ),
    ]
    names = ["new_users_raw", "trained_models", "fitted_models", "test"]
    own = Pipeline(
        nodes,
        namespace="recommendation",
        inputs={*names, *chosen.values(), *known.values()},
        parameters={"params:settings": "params:recommendation"},
        tags="recommendation",
    )
    return own + Pipeline([choose_model("recommendation")], tags=JOBS)


def _asked(*names: str, **datasets: str) -> dict[str, str]:
    """Inputs by argument, with the settings."""
    return named(*names, **datasets, settings="params:settings")
