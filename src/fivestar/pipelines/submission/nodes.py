"""The champion's predictions, checked, in the order of the test pairs."""

from __future__ import annotations

import logging
from collections.abc import Sized
from typing import Any

import numpy as np
import pandas as pd

from fivestar.pipelines.settings import Settings
from fivestar.ratings import DescribedSplit, Scale, TrainingData

logger = logging.getLogger(__name__)


class SubmissionSettings(Settings):
    """The two columns of the submission, as the data set names them."""

    id: str = "ID"
    rating: str = "Rating"


def submit(
    leaderboard: pd.DataFrame,
    test: pd.DataFrame,
    settings: SubmissionSettings,
    scale: Scale,
    **predictions: pd.DataFrame,
) -> pd.DataFrame:
    """One row per test pair, by the model with the lowest validation RMSE.

    Parameters
    ----------
    predictions
        Of each model, by its name.

    Raises
    ------
    ValueError
        If rows, order, ids or values are not as they have to be.
    """
    champion = leaderboard["model"].iloc[0]
    predicted = predictions[champion].query("part == 'test'")
    check(predicted, test)
    # A model that is not clamped may leave the scale; a submission may not.
    stars = np.clip(predicted["prediction"].to_numpy(), scale.lowest, scale.highest)
    logger.info("%s: %s predictions by the champion, %s", "submission", f"{len(test):,}", champion)
    return pd.DataFrame({settings.id: test["id"].to_numpy(), settings.rating: stars})


def describe_submission(
    submission: Sized, leaderboard: pd.DataFrame, data: TrainingData | DescribedSplit
) -> dict[str, Any]:
    """Which data the submission is of, and which model made it."""
    champion = leaderboard.iloc[0]
    return {
        **data.identity,
        "n_rows": len(submission),
        "model": champion["model"],
        "validation_rmse": float(champion["validation_rmse"]),
    }


def check(predicted: pd.DataFrame, test: pd.DataFrame) -> None:
    """The predictions are those of the test pairs, in their order, and finite."""
    if len(predicted) != len(test):
        raise ValueError(f"{len(predicted)} predictions for {len(test)} test pairs")
    for column in ("user", "item"):
        if not np.array_equal(predicted[column].to_numpy(), test[column].to_numpy()):
            raise ValueError(f"the predictions' {column}s are not those of the test pairs in order")
    if test["id"].duplicated().any():
        raise ValueError("ids of test pairs repeat")
    if not np.isfinite(predicted["prediction"]).all():
        raise ValueError("predictions that are not finite")
