"""A few users: what they rated highest, and what is best and worst for them."""

from __future__ import annotations

import difflib
import logging

import numpy as np
import pandas as pd

from fivestar.analysis.blocks import predict_table, unbounded
from fivestar.analysis.top_n import best, can_be_recommended
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.pipelines.report.settings import ReportSettings
from fivestar.ratings import Positions, TrainingData

logger = logging.getLogger(__name__)

RATED, BEST, WORST = "rated highest", "best", "worst"
ACTIVITY = (0.1, 0.5, 0.9)
"""Quantiles of the number of ratings at which users are picked."""
COVERAGE = 0.9
"""Of the intervals."""


def list_for_users(
    chosen_name: str,
    chosen_model: Model,
    data: TrainingData,
    items: pd.DataFrame,
    settings: ReportSettings,
) -> pd.DataFrame:
    """Lists of a few users, by the final model.

    Returns
    -------
    ``model``, ``user``, ``user_ratings`` and ``user_mean`` (of the user), ``list`` (rated
    highest, best, worst), ``rank``, ``item``, ``title``, ``rating`` (what they gave),
    ``prediction``, and ``low`` and ``high``, the ends of the 90 % interval where the model has
    one.

    Raises
    ------
    InputError
        If a user is not in train or validation.
    """
    tables = []
    for user in _chosen(settings.users, data):
        own = data.ratings[[user]]
        about = {"model": chosen_name, "user": data.vocabulary.users[user]}
        about |= {"user_ratings": own.nnz, "user_mean": round(float(own.data.mean()), 2)}
        given = pd.Series(own.data, index=own.indices)
        for name, chosen in _lists(chosen_model, user, data, items, settings).items():
            tables.append(
                pd.DataFrame({"list": name, "rank": range(1, len(chosen) + 1)}).assign(
                    **about,
                    item=items["item"].array[chosen],
                    title=items["shown"].array[chosen],
                    rating=given.reindex(chosen).array,
                    **_predicted(chosen_model, user, chosen),
                )
            )
    table = pd.concat(tables, ignore_index=True)
    who = ", ".join(table["user"].unique())
    logger.info("report: the best and the worst by %s for users %s", chosen_name, who)
    return table


def _chosen(asked: list[str], data: TrainingData) -> list[int]:
    """Indices of the users that are asked for, or of three that differ in activity."""
    counts = np.diff(data.ratings.indptr)
    if not asked:
        order = np.argsort(counts, kind="stable")
        order = order[counts[order] > 0]
        places = [round(quantile * (len(order) - 1)) for quantile in ACTIVITY]
        return [int(order[place]) for place in dict.fromkeys(places)]
    users = data.vocabulary.users
    indices: list[int] = users.get_indexer(pd.Index(asked)).tolist()
    for user, index in zip(asked, indices, strict=True):
        if index < 0 or not counts[index]:
            close = ", ".join(difflib.get_close_matches(user, users))
            hint = f" Did you mean one of {close}?" if close else ""
            raise InputError(f"report.users: {user!r} has no ratings to recommend from.{hint}")
    return indices


def _lists(
    model: Model, user: int, data: TrainingData, items: pd.DataFrame, settings: ReportSettings
) -> dict[str, Positions]:
    """Indices of the items in one user's three lists."""
    own = data.ratings[[user]]
    n_ratings = items["n_ratings"].to_numpy()
    candidates, _, _ = can_be_recommended(model, n_ratings, settings.min_ratings)
    candidates = np.setdiff1d(candidates, own.indices)
    scores = predict_table(unbounded(model), np.array([user]), candidates)

    def highest(values: np.ndarray, among: Positions) -> Positions:
        places = best(np.atleast_2d(values), settings.n)[0]
        return among[places[places >= 0]].astype(np.intp)

    return {
        RATED: highest(own.data, own.indices),
        BEST: highest(scores, candidates),
        WORST: highest(-scores, candidates),
    }


def _predicted(model: Model, user: int, items: Positions) -> dict[str, np.ndarray | float]:
    """Prediction and ends of the interval, missing where the model has none."""
    users = np.full(len(items), user)
    low: np.ndarray | float = np.nan
    high: np.ndarray | float = np.nan
    if model.distribution is not None:
        low, high = model.distribution.interval(users, items, COVERAGE)
    return {"prediction": model.predict(users, items), "low": low, "high": high}
