"""The best items of every user, none of which they have rated."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from fivestar.errors import InputError
from fivestar.pipelines.recommendation.settings import RecommendationSettings
from fivestar.pipelines.spark.training import model_of
from fivestar.ratings import Scale
from fivestar.spark.factor_model import FactorModel

GROWTH = 4
"""Each class of users has rated at most so many times as many items as the class before."""
RATED = ("user_index", "item_index")


def recommend(
    leaderboard: pd.DataFrame,
    train: DataFrame,
    validation: DataFrame,
    user_index: DataFrame,
    item_index: DataFrame,
    model: str | None,
    settings: RecommendationSettings,
    scale: Scale,
    **final: Any,
) -> DataFrame:
    """The n best items of each user that are rated neither in train nor validation.

    Parameters
    ----------
    model
        Its name; None is the champion, the lowest RMSE on validation.
    final
        ``user_factors_<model>``, ``item_factors_<model>`` and ``history_<model>`` of each model.

    Returns
    -------
    ``user``, ``rank`` from 1 on, ``item``, ``prediction``.
    """
    name = str(leaderboard["model"].iloc[0]) if model is None else model
    if f"history_{name}" not in final:
        raise InputError(f"model: {name!r} is not in `line_up`.")
    parts = (final[f"{part}_{name}"] for part in ("user_factors", "item_factors", "history"))
    rated = train.select(*RATED).unionByName(validation.select(*RATED))
    often = rated.groupBy("item_index").count().filter(F.col("count") >= settings.min_ratings)
    chosen = model_of(*parts)
    items = chosen.items.join(often.select(F.col("item_index").alias("id")), "id", "left_semi")
    best = best_unrated(FactorModel(chosen.mean, chosen.users, items), rated, settings.n)
    stars = F.greatest(F.least("prediction", F.lit(scale.highest)), F.lit(scale.lowest))
    table = best.join(user_index, "user_index").join(item_index, "item_index")
    asked = table.filter(F.col("user").isin(settings.users)) if settings.users else table
    return asked.select("user", "rank", "item", stars.cast("float").alias("prediction")).orderBy(
        "user", "rank"
    )


def best_unrated(model: FactorModel, rated: DataFrame, n: int) -> DataFrame:
    """The n best of the items that each user has not rated: indices, ``prediction``, ``rank``.

    Spark's product gives the best items, rated or not. So a user who has rated m of them is
    asked for n + m, or a little more, as users are asked by classes of similar m.
    """
    counts = rated.groupBy("user_index").count().persist()
    most = counts.agg(F.max("count")).first()[0]
    lists, low, high = [], 0, n
    while low < most:
        users = counts.filter((F.col("count") > low) & (F.col("count") <= high))
        lists.append(model.best(n + min(high, most), users))
        low, high = high, GROWTH * high
    best = lists[0]
    for more in lists[1:]:
        best = best.unionByName(more)
    left = best.join(rated, list(RATED), "left_anti")
    order = Window.partitionBy("user_index").orderBy(F.desc("prediction"), "item_index")
    return left.withColumn("rank", F.row_number().over(order)).filter(F.col("rank") <= n)
