"""A study of one model, what its best settings gain, and charts."""

from kedro.pipeline import Pipeline, node

from fivestar.models import version_of
from fivestar.pipelines.tuning.best import measure_gain, write_block
from fivestar.pipelines.tuning.charts import draw_history, draw_importance
from fivestar.pipelines.tuning.nodes import tune
from fivestar.pipelines.wiring import Bound, named


def create_pipeline(model: str, family: str) -> Pipeline:
    """Of a model of ``models``, of this family."""
    version = version_of(family)
    data, settings = {"data": "training_data"}, {"settings": "params:settings"}
    block = {"block": "params:block"}
    return Pipeline(
        [
            node(
                Bound(tune, model=model, version=version),
                {**data, **block, **settings, "storage": "studies"},
                ["runs", "trials", "importance"],
            ),
            node(
                Bound(measure_gain, version=version),
                {**data, **block, **settings, "runs": "runs"},
                "gains",
            ),
            node(write_block, {**data, **settings, **named("runs", "gains")}, "best"),
            node(Bound(draw_history, model=model), {**data, "trials": "trials"}, "history_chart"),
            node(
                Bound(draw_importance, model=model),
                {**data, "importance": "importance"},
                "importance_chart",
            ),
        ],
        namespace=f"tuning.{model}",
        inputs={"training_data": "training_data", "studies": "optuna_studies"},
        parameters={"params:block": f"params:models.{model}", "params:settings": "params:tuning"},
        tags="tuning",
    )
