"""Fit on train, then refit for good on train and validation."""

from __future__ import annotations

import logging
import time
from typing import Any

from pyspark.sql import DataFrame

from fivestar.ratings import DescribedSplit
from fivestar.spark.factor_model import FactorModel
from fivestar.spark.models import build

logger = logging.getLogger(__name__)

Fitted = tuple[DataFrame, DataFrame, dict[str, Any]]
"""Factors of users and items, and what else is known of a fit."""


def fit(train: DataFrame, data: DescribedSplit, settings: dict[str, Any], *, label: str) -> Fitted:
    """A model fitted on train.

    Parameters
    ----------
    settings
        The model's block: its family and hyper-parameters.

    Returns
    -------
    users, items
        ``id`` and ``features``, as a ``FactorModel`` has them.
    history
        ``mean``, ``fit_seconds`` and ``n_parameters``.
    """
    return _fit(train, settings, label, "train")


def refit(
    train: DataFrame,
    validation: DataFrame,
    fitted_user_factors: DataFrame,
    fitted_item_factors: DataFrame,
    fit_history: dict[str, Any],
    data: DescribedSplit,
    settings: dict[str, Any],
    wanted: bool,
    *,
    label: str,
) -> Fitted:
    """The final model, fitted on all ratings; the first one where no refit is wanted."""
    if not wanted:
        return fitted_user_factors, fitted_item_factors, fit_history
    return _fit(train.unionByName(validation), settings, label, "train and validation")


def model_of(users: DataFrame, items: DataFrame, history: dict[str, Any]) -> FactorModel:
    """The model that a fit has left."""
    return FactorModel(history["mean"], users, items)


def _fit(ratings: DataFrame, settings: dict[str, Any], label: str, on: str) -> Fitted:
    model = build(settings, label)
    start = time.perf_counter()
    fitted = model.fit(ratings.select("user_index", "item_index", "rating"))
    seconds = time.perf_counter() - start
    n_users, n_items = fitted.users.count(), fitted.items.count()
    logger.info("%s: fitted on %s in %.1f s", label, on, seconds)
    n_parameters = model.n_parameters(n_users, n_items)
    told = {"mean": fitted.mean, "fit_seconds": seconds, "n_parameters": n_parameters}
    return fitted.users, fitted.items, told
