"""Errors of the model on validation, by what was predicted and by how much was known."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd

from fivestar.analysis.residuals import errors_by_count
from fivestar.errors import InputError
from fivestar.metrics import rmse
from fivestar.metrics.calibration import coverage, randomised_pit
from fivestar.models import Model
from fivestar.pipelines.choice import require_same_data
from fivestar.pipelines.inspection.choosing import Inspected
from fivestar.pipelines.inspection.settings import InspectionSettings
from fivestar.ratings import TrainingData, observed

logger = logging.getLogger(__name__)

MAX_PAIRS = 500_000
"""Validation ratings that are predicted; of more, a sample."""
N_GROUPS = 10
LEVELS = np.round(np.arange(0.05, 1, 0.05), 2)
"""Nominal fractions of ratings that intervals are to hold."""


def predict_validation(
    inspected: Inspected,
    fitted_models: Mapping[str, Model],
    data: TrainingData,
    settings: InspectionSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Validation ratings as the model that was fitted on train alone predicts them.

    Returns
    -------
    outcomes
        ``model`` (this one, and the reference), ``rating``, ``prediction``, and the numbers of
        train ratings ``of_item`` and ``of_user``.
    coverages
        ``nominal`` and ``observed`` fractions of ratings in the model's intervals; no rows of
        a model that gives no probabilities.
    """
    name = inspected.name
    if name not in fitted_models:
        raise InputError(f"model {name}: there is none fitted on train. Train it: `kedro run`.")
    users, items, ratings = observed(data.validation)
    random = np.random.default_rng(settings.seed)
    if len(ratings) > MAX_PAIRS:
        sample = np.sort(random.choice(len(ratings), MAX_PAIRS, replace=False))
        users, items, ratings = users[sample], items[sample], ratings[sample]
        logger.info("%s: errors of %s of the validation ratings", name, f"{MAX_PAIRS:,}")
    known = pd.DataFrame(
        {
            "rating": ratings.astype("float64"),
            "of_item": np.bincount(data.train.indices, minlength=data.train.shape[1])[items],
            "of_user": np.diff(data.train.indptr)[users],
        }
    )
    tables, coverages = [], pd.DataFrame({"nominal": [], "observed": []})
    for label in dict.fromkeys((name, settings.reference)):
        if label is None or label not in fitted_models:
            continue
        fitted = fitted_models[label]
        require_same_data(fitted, label, data)
        prediction = fitted.predict(users, items).astype("float64")
        tables.append(known.assign(model=label, prediction=prediction))
        if label == name and fitted.distribution is not None:
            distribution = fitted.distribution
            probabilities = distribution.probabilities(users, items)
            pit = randomised_pit(probabilities, ratings, distribution.ratings, random)
            held = [coverage(pit, level) for level in LEVELS]
            coverages = pd.DataFrame({"nominal": LEVELS, "observed": held})
    error = rmse(tables[0]["rating"], tables[0]["prediction"])
    logger.info("%s: RMSE %.4f on validation", name, error)
    return pd.concat(tables, ignore_index=True), coverages


def group_errors(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Errors in ten groups by the item's number of train ratings, and by the user's.

    Returns
    -------
    ``by`` (item or user), ``model``, ``group`` (the counts in it), ``min_count``,
    ``max_count``, ``n_ratings``, ``rmse``, ``mean_error``.
    """
    tables = []
    for by in ("item", "user"):
        for model, own in outcomes.groupby("model", sort=False):
            counts = own[f"of_{by}"].to_numpy()
            table = errors_by_count(counts, own["rating"], own["prediction"], N_GROUPS)
            groups = list(map(_span, table["min_count"], table["max_count"]))
            tables.append(table.assign(by=by, model=model, group=groups))
    columns = ["by", "model", "group", "min_count", "max_count", "n_ratings", "rmse", "mean_error"]
    return pd.concat(tables, ignore_index=True)[columns].round({"rmse": 4, "mean_error": 4})


def _span(lowest: int, highest: int) -> str:
    return f"{lowest:,}" if lowest == highest else f"{lowest:,}\u2013{highest:,}"
