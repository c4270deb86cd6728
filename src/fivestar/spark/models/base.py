"""What the models have in common: checked settings, and a fit."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import BaseModel, ConfigDict
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fivestar.spark.factor_model import FactorModel


class SparkModel(BaseModel, ABC):
    """Settings of a model that Spark fits; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def fit(self, ratings: DataFrame) -> FactorModel:
        """Learn from ratings: ``user_index``, ``item_index``, ``rating``.

        Returns
        -------
        A model whose factors are computed.
        """

    @abstractmethod
    def n_parameters(self, n_users: int, n_items: int) -> int:
        """Numbers that are learnt."""


def side(table: DataFrame, index: str, *features: Column | float) -> DataFrame:
    """Factors of one side as a ``FactorModel`` has them.

    Parameters
    ----------
    index
        The column of the ids.
    features
        Numbers, in columns or the same for all.
    """
    each = [F.lit(one) if isinstance(one, int | float) else one for one in features]
    vector = F.array(*each).cast("array<float>")
    return table.select(F.col(index).alias("id"), vector.alias("features"))
