"""A page to try a model: rate titles, and see predictions change."""

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.try_page.choosing import choose_regression
from fivestar.pipelines.try_page.nodes import make_contents, write_page
from fivestar.pipelines.wiring import named


def create_pipeline() -> Pipeline:
    """Starts from what ``kedro run`` has left."""
    data = {"data": "training_data"}
    chosen = ["chosen_name", "chosen_model"]
    models = named("trained_models", "leaderboard", **data, model="params:model")
    contents = named(*chosen, "leaderboard", **data, items="item_table", settings="params:settings")
    return Pipeline(
        [
            node(choose_regression, models, chosen),
            node(make_contents, contents, "contents"),
            node(write_page, {"contents": "contents"}, "page"),
        ],
        namespace="try_page",
        inputs={"trained_models", "leaderboard", "training_data", "item_table"},
        outputs={"page": "try_page"},
        parameters={"params:settings": "params:try_page", "params:model": "params:model"},
        tags="try_page",
    )
