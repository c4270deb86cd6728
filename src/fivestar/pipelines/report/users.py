"""A few users: what they rated highest, and what is best and worst for them."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.analysis.blocks import predict_table, unbounded
from fivestar.analysis.top_n import best, can_be_recommended
from fivestar.errors import InputError, did_you_mean
from fivestar.models import Model
from fivestar.pipelines.report.settings import ReportSettings
from fivestar.ratings import Indices, TrainingData

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
    ``user``, ``list`` (rated highest, best, worst), ``rank``, ``item``, ``title``, ``rating``
    (what they gave), ``prediction``, ``low`` and ``high``, the ends of the 90 % interval where
    the model has one; ``user_ratings`` and ``user_mean``, the number and the mean of all that
    the user rated; and the ``model``.

    Raises
    ------
    InputError
        If a user is not in train or validation.
    """
    rows = [
        (user, name, rank, item, given[item])
        for user in _chosen(settings.users, data)
        for given in data.ratings[[user]].toarray()
        for name, chosen in _lists(chosen_model, user, data, items, settings).items()
        for rank, item in enumerate(chosen.tolist(), start=1)
    ]
    table = pd.DataFrame(rows, columns=["user", "list", "rank", "item", "rating"])
    users, indices = table["user"].to_numpy(), table["item"].to_numpy()
    low = high = np.full(len(table), np.nan)
    if chosen_model.distribution is not None:
        low, high = chosen_model.distribution.interval(users, indices, COVERAGE)
    n_ratings, sums = np.diff(data.ratings.indptr)[users], data.ratings.sum(axis=1)[users]
    table = table.assign(
        **{"user": data.vocabulary.users[users], "user_ratings": n_ratings},
        **{"user_mean": (sums / n_ratings).round(2), "model": chosen_name},
        **{"item": items["item"].array[indices], "title": items["shown"].array[indices]},
        **{"prediction": chosen_model.predict(users, indices), "low": low, "high": high},
        rating=table["rating"].where(table["list"] == RATED),
    )
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
            raise InputError(
                f"report.users: {user!r} has no ratings to recommend from. "
                f"{did_you_mean(user, users, n=3)}"
            )
    return indices


def _lists(
    model: Model, user: int, data: TrainingData, items: pd.DataFrame, settings: ReportSettings
) -> dict[str, Indices]:
    """Indices of the items in one user's three lists."""
    own = data.ratings[[user]]
    n_ratings = items["n_ratings"].to_numpy()
    candidates, _, _ = can_be_recommended(model, n_ratings, settings.min_ratings)
    candidates = np.setdiff1d(candidates, own.indices)
    scores = predict_table(unbounded(model), np.array([user]), candidates)[0]
    lists: dict[str, tuple[NDArray[np.floating], Indices]] = {
        RATED: (own.data, own.indices.astype(np.intp)),
        BEST: (scores, candidates),
        WORST: (-scores, candidates),
    }
    return {
        name: indices[columns[columns >= 0]]
        for name, (values, indices) in lists.items()
        for columns in best(values[None], settings.n)
    }
