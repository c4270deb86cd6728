"""Global mean plus what user and item deviate from it."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fivestar.models.biases import ITEM_REGULARIZATION, USER_REGULARIZATION
from fivestar.spark.biases import N_TURNS, fit_biases
from fivestar.spark.factor_model import FactorModel
from fivestar.spark.models.base import SparkModel, side


class Bias(SparkModel):
    """r_ui ~ mu + b_u + b_i, with damped means.

    Parameters
    ----------
    user_regularization, item_regularization
        Number of ratings equal to the mean that are added to each user and each item.
    n_steps
        Turns.
    """

    user_regularization: Annotated[float, Ge(0)] = USER_REGULARIZATION
    item_regularization: Annotated[float, Ge(0)] = ITEM_REGULARIZATION
    n_steps: Annotated[int, Ge(1)] = N_TURNS

    def fit(self, ratings: DataFrame) -> FactorModel:
        strengths = self.user_regularization, self.item_regularization
        biases = fit_biases(ratings, *strengths, self.n_steps)
        bias = F.col("bias")
        model = FactorModel(
            biases.mean,
            side(biases.users, "user_index", bias, 1.0),
            side(biases.items, "item_index", 1.0, bias),
        ).kept()
        biases.release()
        return model

    def n_parameters(self, n_users: int, n_items: int) -> int:
        return 1 + n_users + n_items
