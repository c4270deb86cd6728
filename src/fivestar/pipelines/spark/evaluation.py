"""Every model measured in the same way, on the same pairs."""

from __future__ import annotations

import logging
import math
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fivestar.pipelines.evaluation.nodes import COLUMNS, Measured
from fivestar.pipelines.spark.training import model_of
from fivestar.ratings import DescribedSplit, Scale

logger = logging.getLogger(__name__)

N_GROUPS = 1000
"""Groups of users that stand for single ones where models are compared: as many rows reach the
driver, however many users there are."""


def predict(
    fitted_user_factors: DataFrame,
    fitted_item_factors: DataFrame,
    fit_history: dict[str, Any],
    user_factors: DataFrame,
    item_factors: DataFrame,
    history: dict[str, Any],
    train: DataFrame,
    validation: DataFrame,
    test: DataFrame,
    scale: Scale,
) -> DataFrame:
    """Validation predicted by the model fitted on train, test by the final model.

    Returns
    -------
    ``part`` (validation or test), ``user``, ``item``, ``rating``, ``prediction`` (inside the
    scale), ``fallback``: whether the user or the item was unknown. The mean of the item then
    stands in, or that of the user, or that of all ratings.
    """
    fitted = model_of(fitted_user_factors, fitted_item_factors, fit_history)
    final = model_of(user_factors, item_factors, history)
    both = train.unionByName(validation)
    tables = [
        with_fallback(model.predict(pairs), known, model.mean)
        .withColumn("part", F.lit(part))
        .withColumn("prediction", _inside(scale).cast("float"))
        .select(*COLUMNS)
        for part, model, pairs, known in (
            ("validation", fitted, validation, train),
            ("test", final, test, both),
        )
    ]
    return tables[0].unionByName(tables[1])


def with_fallback(predicted: DataFrame, known: DataFrame, mean: float) -> DataFrame:
    """Means in place of predictions that are null, and ``fallback``, where that is so.

    Parameters
    ----------
    known
        The ratings that the model was fitted on.
    mean
        Of all of them.
    """
    for index in ("item_index", "user_index"):
        means = known.groupBy(index).agg(F.avg("rating").alias(f"mean_by_{index}"))
        predicted = predicted.join(means, index, "left")
    means_in_turn = (F.col("mean_by_item_index"), F.col("mean_by_user_index"), F.lit(mean))
    return predicted.withColumn("fallback", F.col("prediction").isNull()).withColumn(
        "prediction", F.coalesce("prediction", *means_in_turn)
    )


def measure(
    fitted_user_factors: DataFrame,
    fitted_item_factors: DataFrame,
    fit_history: dict[str, Any],
    history: dict[str, Any],
    train: DataFrame,
    predictions: DataFrame,
    data: DescribedSplit,
    scale: Scale,
    *,
    label: str,
) -> dict[str, Any]:
    """RMSE, MSE and MAE of each part, the number of fallbacks, size and time of the fit."""
    of_train = model_of(fitted_user_factors, fitted_item_factors, fit_history).predict(train)
    errors = _errors("train", of_train.withColumn("prediction", _inside(scale)))
    for part in ("validation", "test"):
        errors |= _errors(part, predictions.filter(F.col("part") == part))
    fallbacks = predictions.agg(F.sum(F.col("fallback").cast("int"))).first()[0]
    logger.info(
        "%s: RMSE validation %.4f, test %.4f",
        *(label, errors["validation_rmse"], errors["test_rmse"]),
    )
    return errors | {
        "fallbacks": int(fallbacks),
        "n_parameters": history["n_parameters"],
        "fit_seconds": fit_history["fit_seconds"],
    }


def sum_by_group(metrics: dict[str, Any], predictions: DataFrame) -> Measured:
    """What models are compared by, with groups of users by a hash of their ids for users."""
    group = F.pmod(F.xxhash64("user"), F.lit(N_GROUPS)).alias("user")
    sums = F.sum(_error() ** 2), F.count("*")
    rows = predictions.filter(F.col("part") == "test").groupBy(group).agg(*sums).collect()
    table = pd.DataFrame(rows, columns=["user", "squared_errors", "n_ratings"])
    return Measured(metrics, table.set_index("user").sort_index())


def _errors(part: str, predicted: DataFrame) -> dict[str, float]:
    squared, absolute = F.avg(_error() ** 2), F.avg(F.abs(_error()))
    mse, mae = map(float, predicted.agg(squared, absolute).first())
    return {f"{part}_rmse": math.sqrt(mse), f"{part}_mse": mse, f"{part}_mae": mae}


def _error() -> Column:
    return F.col("prediction") - F.col("rating")


def _inside(scale: Scale) -> Column:
    return F.greatest(F.least(F.col("prediction"), F.lit(scale.highest)), F.lit(scale.lowest))
