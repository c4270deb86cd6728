"""The champion's predictions in the order of the test pairs."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fivestar.pipelines.submission.nodes import SubmissionSettings, describe_submission
from fivestar.ratings import DescribedSplit

logger = logging.getLogger(__name__)


def submit(
    leaderboard: pd.DataFrame,
    test: DataFrame,
    settings: SubmissionSettings,
    **predictions: DataFrame,
) -> DataFrame:
    """One row per test pair, by the model with the lowest validation RMSE.

    Parameters
    ----------
    predictions
        Of each model, by its name.

    Raises
    ------
    ValueError
        If a test pair has no finite prediction.
    """
    champion = leaderboard["model"].iloc[0]
    predicted = predictions[champion].filter("part = 'test'")
    rows = test.select("id", "user", "item").join(predicted, ["user", "item"], "left")
    prediction = F.col("prediction")
    missing = rows.filter(prediction.isNull() | F.isnan(prediction)).count()
    if missing:
        raise ValueError(f"{missing} test pairs without a prediction")
    logger.info("submission: %s predictions by the champion, %s", f"{test.count():,}", champion)
    columns = F.col("id").alias(settings.id), prediction.alias(settings.rating)
    return rows.select(*columns).orderBy(settings.id)


def describe(
    submission: DataFrame, leaderboard: pd.DataFrame, data: DescribedSplit
) -> dict[str, Any]:
    """Which data the submission is of, and which model made it."""
    return describe_submission(range(submission.count()), leaderboard, data)
