"""The mean of an item's ratings."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fivestar.spark.factor_model import FactorModel
from fivestar.spark.models.base import SparkModel, side


class ItemMean(SparkModel):
    """r_ui ~ the mean of the item's ratings."""

    def fit(self, ratings: DataFrame) -> FactorModel:
        mean = float(ratings.agg(F.avg("rating")).first()[0])
        users = ratings.select("user_index").distinct()
        items = ratings.groupBy("item_index").agg(F.avg("rating").alias("mean"))
        above = F.col("mean") - mean
        return FactorModel(
            mean, side(users, "user_index", 1.0), side(items, "item_index", above)
        ).kept()

    def n_parameters(self, n_users: int, n_items: int) -> int:
        return n_items
