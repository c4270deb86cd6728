"""Damped means of users and items, the base of all other models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fivestar.models.biases import ITEM_REGULARIZATION, USER_REGULARIZATION

N_TURNS = 2
"""Fewer than on one machine: each reads all ratings twice, and a third changes next to nothing."""


@dataclass(frozen=True)
class Biases:
    """Ratings as mu + b_u + b_i.

    Attributes
    ----------
    mean : mu
    users, items : ``user_index`` or ``item_index``, and ``bias``
    """

    mean: float
    users: DataFrame
    items: DataFrame

    def release(self) -> None:
        """Forget the tables; Spark would give them to the next model that asks for the same."""
        self.users.unpersist()
        self.items.unpersist()


def fit_biases(
    ratings: DataFrame,
    user_regularization: float = USER_REGULARIZATION,
    item_regularization: float = ITEM_REGULARIZATION,
    n_turns: int = N_TURNS,
) -> Biases:
    """Biases by turns, as ``fivestar.models.biases`` has them.

    Ratings lie by user once and by item once, so that of each turn only means are moved.

    Parameters
    ----------
    ratings
        ``user_index``, ``item_index``, ``rating``.
    user_regularization, item_regularization
        Number of ratings equal to the mean that are added to each user and each item.
    n_turns
        Solutions of the items and then the users.
    """
    mean = float(ratings.agg(F.avg("rating")).first()[0])
    above = ratings.withColumn("above", F.col("rating") - mean)
    with _laid_out(above, "user_index") as by_user, _laid_out(above, "item_index") as by_item:
        users = by_user.select("user_index").distinct().withColumn("bias", F.lit(0.0))
        solved = []
        for _ in range(n_turns):
            rest = by_user.join(users, "user_index")
            items = _damped_means(rest, "item_index", item_regularization)
            rest = by_item.join(items, "item_index")
            users = _damped_means(rest, "user_index", user_regularization)
            solved += [items, users]
    for earlier in solved[:-2]:
        earlier.unpersist()
    return Biases(mean, users, items)


def _damped_means(ratings: DataFrame, by: str, regularization: float) -> DataFrame:
    rest = F.sum(F.col("above") - F.col("bias")) / (F.count("*") + regularization)
    means = ratings.groupBy(by).agg(rest.alias("bias")).persist()
    means.count()
    return means


@contextmanager
def _laid_out(ratings: DataFrame, by: str) -> Iterator[DataFrame]:
    """Kept in as many partitions as a join with another table wants, so that it moves nothing."""
    partitions = int(ratings.sparkSession.conf.get("spark.sql.shuffle.partitions"))
    columns = ("user_index", "item_index", "above")
    kept = ratings.select(*columns).repartition(partitions, by).persist()
    yield kept
    kept.unpersist()
