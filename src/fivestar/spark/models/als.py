"""Matrix factorisation by the alternating least squares of ``pyspark.ml``."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from pyspark.ml.recommendation import ALS as SparkALS  # noqa: N811 - a class, not a constant
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fivestar.spark.biases import Biases, fit_biases
from fivestar.spark.factor_model import FactorModel
from fivestar.spark.models.base import SparkModel


class ALS(SparkModel):
    r"""r_ui ~ mu + b_u + b_i + x_u . y_i, the factors by alternating least squares.

    Minimises, with the biases (damped means) fixed,

        sum_ui (r_ui - mu - b_u - b_i - x_u . y_i)^2 + l (sum_u n_u |x_u|^2 + sum_i n_i |y_i|^2),

    the weighted-lambda regularisation of Zhou et al., "Large-scale Parallel Collaborative
    Filtering for the Netflix Prize", 2008, which is the only one that Spark has. Without biases
    its errors are larger (see docs/spark.md), so the ratings are centred by default.

    Parameters
    ----------
    n_factors
        Length of the factors; Spark's ``rank``.
    regularization
        l, squared stars; Spark's ``regParam``.
    n_steps
        Sweeps over items and users; Spark's ``maxIter``.
    centre
        What is taken from the ratings first: ``biases``, or the global ``mean`` alone.
    n_blocks
        Parts that users and items are divided into; None: as many as shuffles have. The first
        factors depend on it, and so do the last digits of the errors.
    seed
        Of the first factors.
    """

    n_factors: Annotated[int, Ge(1)] = 32
    regularization: Annotated[float, Gt(0)] = 0.14
    n_steps: Annotated[int, Ge(1)] = 12
    centre: Literal["biases", "mean"] = "biases"
    n_blocks: Annotated[int, Ge(1)] | None = None
    seed: int = 42

    def fit(self, ratings: DataFrame) -> FactorModel:
        biases = self._biases(ratings)
        factors = self._solver(ratings).fit(_rest(ratings, biases))
        users = factors.userFactors.join(_by_id(biases.users), "id")
        items = factors.itemFactors.join(_by_id(biases.items), "id")
        bias, one = F.array(F.col("bias").cast("float")), F.array(F.lit(1.0).cast("float"))
        model = FactorModel(biases.mean, _with(users, bias, one), _with(items, one, bias)).kept()
        biases.release()
        return model

    def n_parameters(self, n_users: int, n_items: int) -> int:
        per_id = self.n_factors + (self.centre == "biases")
        return 1 + per_id * (n_users + n_items)

    def _biases(self, ratings: DataFrame) -> Biases:
        if self.centre == "biases":
            return fit_biases(ratings)
        mean = float(ratings.agg(F.avg("rating")).first()[0])
        none = (
            ratings.select(index).distinct().withColumn("bias", F.lit(0.0))
            for index in ("user_index", "item_index")
        )
        return Biases(mean, *none)

    def _solver(self, ratings: DataFrame) -> SparkALS:
        shuffled = int(ratings.sparkSession.conf.get("spark.sql.shuffle.partitions"))
        n_blocks = self.n_blocks or shuffled
        return SparkALS(
            rank=self.n_factors,
            regParam=self.regularization,
            maxIter=self.n_steps,
            seed=self.seed,
            numUserBlocks=n_blocks,
            numItemBlocks=n_blocks,
            userCol="user_index",
            itemCol="item_index",
            ratingCol="rest",
        )


def _rest(ratings: DataFrame, biases: Biases) -> DataFrame:
    """What mu + b_u + b_i leaves of each rating."""
    of_users = biases.users.withColumnRenamed("bias", "of_user")
    of_items = biases.items.withColumnRenamed("bias", "of_item")
    both = ratings.join(of_users, "user_index").join(of_items, "item_index")
    rest = F.col("rating") - biases.mean - F.col("of_user") - F.col("of_item")
    return both.select("user_index", "item_index", rest.cast("float").alias("rest"))


def _by_id(biases: DataFrame) -> DataFrame:
    return biases.toDF("id", "bias")


def _with(factors: DataFrame, *more: Column) -> DataFrame:
    """The factors with the biases as two more of them."""
    return factors.select("id", F.concat("features", *more).alias("features"))
