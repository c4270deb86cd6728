"""Errors of the model on validation, by what was predicted and by how much was known."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.analysis.residuals import errors_by_count
from fivestar.errors import InputError
from fivestar.metrics import rmse
from fivestar.metrics.calibration import Probabilistic, coverage, randomised_pit
from fivestar.models import Model
from fivestar.pipelines.choice import require_same_data
from fivestar.pipelines.inspection.settings import InspectionSettings
from fivestar.ratings import observed

logger = logging.getLogger(__name__)

MOST_PAIRS = 500_000
"""Validation ratings that are predicted; of more, a sample."""
N_GROUPS = 10
LEVELS = np.round(np.arange(0.05, 1, 0.05), 2)
"""Nominal shares of ratings that intervals are to hold."""


def predict_validation(
    name: str,
    fitted_models: Mapping[str, Model],
    train_matrix: sparse.csr_array,
    validation_matrix: sparse.csr_array,
    vocabulary: dict[str, list[str]],
    settings: InspectionSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Validation ratings as the model that was fitted on train alone predicts them.

    Returns
    -------
    outcomes
        ``model`` (this one, and the reference), ``rating``, ``prediction``, and the numbers of
        train ratings ``of_item`` and ``of_user``.
    coverages
        ``nominal`` and ``observed`` shares of ratings in the model's intervals; no rows of a
        model that gives no chances.
    """
    if name not in fitted_models:
        raise InputError(
            f"data/06_models/{name}/fitted_on_train: no such model. Train it: `kedro run`."
        )
    users, items, ratings = observed(validation_matrix)
    if len(ratings) > MOST_PAIRS:
        random = np.random.default_rng(settings.seed)
        chosen = np.sort(random.choice(len(ratings), MOST_PAIRS, replace=False))
        users, items, ratings = users[chosen], items[chosen], ratings[chosen]
        logger.info("%-24s errors of %s of the validation ratings", name, f"{MOST_PAIRS:,}")
    known = pd.DataFrame(
        {
            "rating": ratings.astype("float64"),
            "of_item": np.bincount(train_matrix.indices, minlength=train_matrix.shape[1])[items],
            "of_user": np.diff(train_matrix.indptr)[users],
        }
    )
    tables, coverages = [], pd.DataFrame({"nominal": [], "observed": []})
    for label in dict.fromkeys((name, settings.reference)):
        if label is None or label not in fitted_models:
            continue
        fitted = fitted_models[label]
        require_same_data(fitted, f"{label}/fitted_on_train", vocabulary)
        prediction = fitted.predict(users, items).astype("float64")
        tables.append(known.assign(model=label, prediction=prediction))
        if label == name and isinstance(fitted, Probabilistic):
            chances = fitted.predict_distribution(users, items)
            random = np.random.default_rng(settings.seed)
            pit = randomised_pit(chances, ratings, fitted.stars, random)
            held = [coverage(pit, level) for level in LEVELS]
            coverages = pd.DataFrame({"nominal": LEVELS, "observed": held})
    logger.info(
        "%-24s RMSE %.4f on validation", name, rmse(tables[0]["rating"], tables[0]["prediction"])
    )
    return pd.concat(tables, ignore_index=True), coverages


def group_errors(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Errors in ten groups by the item's number of train ratings, and by the user's.

    Returns
    -------
    ``by`` (item or user), ``model``, ``group`` (its place, and the counts in it), ``least``,
    ``most``, ``n_ratings``, ``rmse``, ``mean_error``.
    """
    tables = []
    for by in ("item", "user"):
        for model, own in outcomes.groupby("model", sort=False):
            table = errors_by_count(
                own[f"of_{by}"].to_numpy(), own["rating"], own["prediction"], N_GROUPS
            )
            spans = map(_span, table["least"], table["most"])
            tables.append(table.assign(by=by, model=model, group=list(spans)))
    columns = ["by", "model", "group", "least", "most", "n_ratings", "rmse", "mean_error"]
    return pd.concat(tables, ignore_index=True)[columns].round({"rmse": 4, "mean_error": 4})


def _span(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,}\u2013{most:,}"
