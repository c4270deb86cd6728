"""The stages on Spark, with the same names, places and columns as those on one machine."""

from collections.abc import Iterable, Mapping
from typing import Any

from kedro.pipeline import Pipeline, node

from fivestar.pipelines.evaluation.charts import draw_differences, draw_leaderboard
from fivestar.pipelines.evaluation.nodes import compare, describe_leaderboard
from fivestar.pipelines.spark.evaluation import measure, predict, sum_by_group
from fivestar.pipelines.spark.ingestion import clean_ratings, summarise
from fivestar.pipelines.spark.recommendation import recommend
from fivestar.pipelines.spark.splitting import describe, index_ids, split
from fivestar.pipelines.spark.submission import describe as describe_submission
from fivestar.pipelines.spark.submission import submit
from fivestar.pipelines.spark.training import fit, refit
from fivestar.pipelines.wiring import Bound, named
from fivestar.spark.models import build

Blocks = Mapping[str, Mapping[str, Any]]

FITTED = ("fitted_user_factors", "fitted_item_factors", "fit_history")
FINAL = ("user_factors", "item_factors", "history")


def create_pipelines(models: Blocks) -> dict[str, Pipeline]:
    """Of models by name, with their blocks."""
    for name, block in models.items():
        build(block, name)  # refuses what Spark does not have, before anything runs
    stages = {
        "ingestion": ingestion(),
        "splitting": splitting(),
        "training": sum((train_one(model) for model in models), Pipeline([])),
        "evaluation": sum((evaluate_one(model) for model in models), compare_all(models)),
        "submission": submission(models),
    }
    default = sum(stages.values(), Pipeline([]))
    return {"__default__": default, **stages, "recommendation": recommendation(models)}


def ingestion() -> Pipeline:
    """Raw ratings to clean ones."""
    return Pipeline(
        [
            node(
                clean_ratings,
                named(raw="spark_ratings", settings="params:ingestion", scale="params:scale"),
                "ratings",
            ),
            node(summarise, named("ratings", scale="params:scale"), "ratings_summary"),
        ],
        tags="ingestion",
    )


def splitting() -> Pipeline:
    """Ids to indices, ratings to splits."""
    return Pipeline(
        [
            *(
                node(
                    Bound(index_ids, column=column),
                    named("ratings"),
                    f"{column}_index",
                    name=f"index_{column}s",
                )
                for column in ("user", "item")
            ),
            node(
                split,
                named("ratings", "user_index", "item_index", settings="params:splitting"),
                ["train", "validation", "test"],
            ),
            node(
                describe,
                named("train", "validation", "user_index", "item_index", scale="params:scale"),
                "training_data",
            ),
        ],
        tags="splitting",
    )


def train_one(model: str) -> Pipeline:
    """Fit and refit of one model."""
    return Pipeline(
        [
            node(
                Bound(fit, label=model),
                named("train", data="training_data", settings="params:settings"),
                list(FITTED),
                name="fit",
            ),
            node(
                Bound(refit, label=model),
                named(
                    *("train", "validation", *FITTED),
                    data="training_data",
                    settings="params:settings",
                    wanted="params:refit",
                ),
                list(FINAL),
                name="refit",
            ),
        ],
        namespace=model,
        inputs={"train", "validation", "training_data"},
        outputs={name: f"{name}_{model}" for name in FINAL},
        parameters={
            "params:settings": f"params:models.{model}",
            "params:refit": "params:refit",
        },
        tags=["training", model],
    )


def evaluate_one(model: str) -> Pipeline:
    """Predictions and metrics of one model."""
    return Pipeline(
        [
            node(
                predict,
                named(*FITTED, *FINAL, "train", "validation", "test", scale="params:scale"),
                "predictions",
                name="predict",
            ),
            node(
                Bound(measure, label=model),
                named(
                    *FITTED,
                    *("history", "train", "predictions"),
                    data="training_data",
                    scale="params:scale",
                ),
                "metrics",
                name="measure",
            ),
        ],
        namespace=model,
        inputs=named("train", "validation", "test", "training_data")
        | {name: f"{name}_{model}" for name in FINAL},
        outputs={name: f"{name}_{model}" for name in ("predictions", "metrics")},
        parameters={"params:scale": "params:scale"},
        tags=["evaluation", model],
    )


def compare_all(models: Iterable[str]) -> Pipeline:
    """The leaderboard, which differences in it are real, and their pictures."""
    measured = {model: f"{model}_measured" for model in models}
    return Pipeline(
        [
            *(
                node(
                    sum_by_group,
                    named(metrics=f"metrics_{model}", predictions=f"predictions_{model}"),
                    name,
                    name=f"sum_by_group_{model}",
                )
                for model, name in measured.items()
            ),
            node(
                compare,
                {"settings": "params:evaluation", **measured},
                ["leaderboard", "differences"],
            ),
            node(
                describe_leaderboard,
                named("leaderboard", data="training_data"),
                "leaderboard_description",
            ),
            node(
                Bound(draw_leaderboard, time_aware=[]),
                named("leaderboard", data="training_data"),
                "leaderboard_chart",
            ),
            node(
                draw_differences,
                named("differences", "leaderboard", data="training_data"),
                "differences_chart",
            ),
        ],
        tags="evaluation",
    )


def submission(models: Iterable[str]) -> Pipeline:
    """The champion's predictions as a file to hand in."""
    predictions = {model: f"predictions_{model}" for model in models}
    return Pipeline(
        [
            node(
                submit,
                named("leaderboard", "test", settings="params:submission", **predictions),
                "submission",
            ),
            node(
                describe_submission,
                named("submission", "leaderboard", data="training_data"),
                "submission_description",
            ),
        ],
        tags="submission",
    )


def recommendation(models: Iterable[str]) -> Pipeline:
    """The best items of every user, by the champion or the model that is asked for."""
    final = named(*(f"{name}_{model}" for model in models for name in FINAL))
    others = named("leaderboard", "train", "validation", "user_index", "item_index")
    settings = named(model="params:model", settings="params:recommendation", scale="params:scale")
    return Pipeline(
        [node(recommend, others | settings | final, "recommendations_table")],
        namespace="recommendation",
        inputs=others | final,
        parameters=set(settings.values()),
        tags="recommendation",
    )
