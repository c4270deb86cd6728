"""Predictions by factors that lie in tables."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.ml.recommendation import ALSModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

BLOCK = 4096
"""Rows of users and of items that one product of matrices takes."""


@dataclass(frozen=True)
class FactorModel:
    r"""Ratings as r_ui ~ mu + x_u . y_i, which is all that the models here learn.

    Biases are two more factors: (b_u, 1) of a user and (1, b_i) of an item.

    Attributes
    ----------
    mean : mu
    users, items : ``id``, int32, and ``features``, an array of float32, x_u or y_i
    """

    mean: float
    users: DataFrame
    items: DataFrame

    def kept(self) -> FactorModel:
        """The same with its factors computed, and kept where they lie."""
        for side in (self.users, self.items):
            side.persist().count()
        return self

    def predict(self, pairs: DataFrame) -> DataFrame:
        """The pairs with ``prediction``, a float64; null where the user or item is unknown.

        Parameters
        ----------
        pairs
            With ``user_index`` and ``item_index``.
        """
        scored = self._products.transform(pairs)
        score = F.nanvl(F.col("prediction").cast("double"), F.lit(None).cast("double"))
        return scored.withColumn("prediction", score + self.mean)

    def best(self, n: int, users: DataFrame) -> DataFrame:
        """The n highest predictions of each user: ``user_index``, ``item_index``, ``prediction``.

        Parameters
        ----------
        users
            With ``user_index``.
        """
        lists = self._products.recommendForUserSubset(users.select("user_index"), n)
        each = lists.select("user_index", F.inline("recommendations"))
        score = F.col("rating").cast("double") + self.mean
        return each.select("user_index", "item_index", score.alias("prediction"))

    @property
    def _products(self) -> ALSModel:
        """Spark's blocked products of these factors; the constructor is the JVM's only."""
        rank = len(self.items.select("features").first()["features"])
        jvm = self.users.sparkSession._jvm.org.apache.spark.ml.recommendation
        model = jvm.ALSModel("fivestar", rank, self.users._jdf, self.items._jdf)
        model.setUserCol("user_index").setItemCol("item_index").setPredictionCol("prediction")
        model.setColdStartStrategy("nan").setBlockSize(BLOCK)
        return ALSModel(model)
