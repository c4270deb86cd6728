"""Which models differ in their test RMSE, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from fivestar.metrics.significance import (
    corrected_t_test,
    difference,
    half_samples,
    holm,
    interval,
    p_value,
)
from fivestar.pipelines.evaluation.settings import EvaluationSettings

ESTIMATE = ["difference", "low", "high", "p_value"]
Pair = tuple[str, str, float, float, float, float]
"""Two models, and the ``ESTIMATE`` of the RMSE of the first minus that of the second."""


def sum_by_user(predictions: pd.DataFrame) -> pd.DataFrame:
    """Squared errors of the test ratings that are known, a row a user.

    Returns
    -------
    ``squared_errors``, the sum, and ``n_ratings``, by ``user`` in rising order.
    """
    known = predictions[(predictions["part"] == "test") & predictions["rating"].notna()]
    errors = known["prediction"].astype("float64") - known["rating"].astype("float64")
    by_user = (errors**2).groupby(known["user"]).agg(["sum", "count"])
    return by_user.set_axis(["squared_errors", "n_ratings"], axis=1)


def compare_pairs(
    ranking: pd.DataFrame, by_user: Mapping[str, pd.DataFrame], settings: EvaluationSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each pair of models on the same test ratings.

    Parameters
    ----------
    ranking
        The leaderboard without what is added here.
    by_user
        Of each model in it, by its name, what ``sum_by_user`` gives.

    Returns
    -------
    leaderboard
        With ``test_rmse_low``, ``test_rmse_high`` and ``differs_from_champion``: whether the
        difference from the first model is significant by ``p_holm``.
    differences
        ``model_a``, ``model_b``, ``difference`` (test RMSE of a minus b), ``low`` and ``high``,
        ``p_value``, ``p_holm`` (adjusted for all pairs), ``significant``; a is the better one on
        validation. No rows if no test rating is known.
    """
    models = ranking["model"].tolist()
    tables = [by_user[model] for model in models]
    if not all(table["n_ratings"].equals(tables[0]["n_ratings"]) for table in tables):
        raise ValueError("the models have predicted other test pairs than one another")
    if tables[0].empty:
        unknown = {"test_rmse_low": np.nan, "test_rmse_high": np.nan, "differs_from_champion": None}
        return ranking.assign(**unknown), _table([], settings.confidence)

    squared_errors = np.column_stack([table["squared_errors"] for table in tables])
    n_ratings = tables[0]["n_ratings"].to_numpy(dtype=np.float64)
    rmses = np.sqrt(squared_errors.sum(axis=0) / n_ratings.sum())
    halves = half_samples(squared_errors, n_ratings, _enough(settings, len(models)), settings.seed)
    pairs: list[Pair] = []
    for a, b in combinations(range(len(models)), 2):
        between = difference(halves, a, b)
        ends = interval(between, settings.confidence)
        found = (float(rmses[a] - rmses[b]), *ends, p_value(between))
        pairs.append((models[a], models[b], *found))
    differences = _table(pairs, settings.confidence)
    intervals = [interval(halves[:, :, n], settings.confidence) for n in range(len(models))]
    low, high = zip(*intervals, strict=True)
    from_champion = differences["significant"].tolist()[: len(models) - 1]
    leaderboard = ranking.assign(
        test_rmse_low=low,
        test_rmse_high=high,
        differs_from_champion=[False, *from_champion],
    )
    return leaderboard, differences


def differences_over_folds(folds: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Each pair of models over the folds of a cross-validation, by the corrected t-test.

    Parameters
    ----------
    folds
        ``model``, ``fold``, ``rmse``, and ``n_train`` and ``n_test``, ratings in both parts of the
        fold; without these, n_test / n_train is taken to be 1 / (number of folds - 1). A pair is
        compared on the folds that both models have.

    Returns
    -------
    As of ``compare_pairs``, with mean differences; a has the lower mean RMSE.
    """
    by_model = folds.pivot_table(index="fold", columns="model", values="rmse")
    sizes = folds.drop_duplicates("fold")
    if {"n_train", "n_test"} <= set(folds):
        test_per_train = float(sizes["n_test"].sum() / sizes["n_train"].sum())
    else:
        test_per_train = 1 / max(len(sizes) - 1, 1)
    models = by_model.mean().sort_values(kind="stable").index
    pairs: list[Pair] = []
    for a, b in combinations(models, 2):
        values = (by_model[a] - by_model[b]).dropna()
        found = corrected_t_test(values, test_per_train, confidence)
        pairs.append((a, b, float(values.mean()), *found))
    return _table(pairs, confidence)


def _enough(settings: EvaluationSettings, n_models: int) -> int:
    """Resamples: with fewer than this, the least p-value times all pairs is too large."""
    n_pairs = n_models * (n_models - 1) // 2
    return max(settings.n_resamples, int(np.ceil(2 * n_pairs / (1 - settings.confidence))))


def _table(pairs: Iterable[Pair], confidence: float) -> pd.DataFrame:
    table = pd.DataFrame(pairs, columns=["model_a", "model_b", *ESTIMATE])
    adjusted = holm(table["p_value"])
    return table.assign(p_holm=adjusted, significant=1 - adjusted >= confidence)
