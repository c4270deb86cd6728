"""A few real people: what they rated highest, and what is best and worst for them."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.blocks import predict_table, unbounded
from fivestar.analysis.top_n import best, can_be_recommended
from fivestar.errors import InputError
from fivestar.metrics.calibration import Probabilistic
from fivestar.models import Model
from fivestar.pipelines.report.settings import ReportSettings
from fivestar.ratings import Positions, Vocabulary, merge
from fivestar.ratings.titles import shown_titles

logger = logging.getLogger(__name__)

RATED, BEST, WORST = "rated highest", "best", "worst"
ACTIVITY = (0.1, 0.5, 0.9)
"""Quantiles of the number of ratings at which people are picked."""


def tell_people(
    chosen_name: str,
    chosen_model: Model,
    train_matrix: sparse.csr_array,
    validation_matrix: sparse.csr_array,
    vocabulary: dict[str, list[str]],
    items: pd.DataFrame,
    settings: ReportSettings,
) -> pd.DataFrame:
    """Lists of a few people, by the final model.

    Returns
    -------
    ``user``, ``n_ratings``, ``mean_rating``, ``list`` (rated highest, best, worst), ``rank``,
    ``item``, ``title``, ``rating`` (what they gave), ``prediction``, and ``lower`` and
    ``upper``, the ends of the 90 % interval where the model has one.

    Raises
    ------
    InputError
        If a user is not in train or validation.
    """
    ids = Vocabulary.from_dict(vocabulary)
    known = merge(train_matrix, validation_matrix)
    titles = shown_titles(items, ids.items)
    rows: list[dict[str, Any]] = []
    for user in _people(settings.users, known, ids.users):
        own = known[[user]]
        person = {
            "user": ids.users[user],
            "n_ratings": own.nnz,
            "mean_rating": round(float(own.data.mean()), 2),
        }
        for entry in _lists(chosen_model, user, known, settings):
            item = entry.pop("position")
            rows.append(person | entry | {"item": ids.items[item], "title": titles[item]})
    people = pd.DataFrame(rows)
    who = ", ".join(people["user"].unique())
    logger.info("%-24s the best and the worst by %s for %s", "report", chosen_name, who)
    return people


def _people(asked: list[str], known: sparse.csr_array, users: pd.Index) -> list[int]:
    """Positions of the people that are asked for, or of three that differ in activity."""
    counts = np.diff(known.indptr)
    if not asked:
        order = np.argsort(counts, kind="stable")
        order = order[counts[order] > 0]
        places = [round(share * (len(order) - 1)) for share in ACTIVITY]
        return [int(order[place]) for place in dict.fromkeys(places)]
    positions = users.get_indexer(pd.Index(asked))
    for user, position in zip(asked, positions, strict=True):
        if position < 0 or not counts[position]:
            close = ", ".join(difflib.get_close_matches(user, users))
            hint = f" Did you mean one of {close}?" if close else ""
            raise InputError(f"report.users: {user!r} has no ratings to recommend from.{hint}")
    return [int(position) for position in positions]


def _lists(
    model: Model, user: int, known: sparse.csr_array, settings: ReportSettings
) -> Iterator[dict[str, Any]]:
    """The entries of one person's three lists."""
    own = known[[user]]
    candidates, _, _ = can_be_recommended(
        model, np.bincount(known.indices, minlength=known.shape[1]), settings.min_ratings
    )
    candidates = np.setdiff1d(candidates, own.indices)
    scores = predict_table(unbounded(model), np.array([user]), candidates)
    highest = own.indices[best(own.data[None], settings.n)[0]]
    lists = {RATED: highest[: own.nnz]}
    for name, sign in ((BEST, 1), (WORST, -1)):
        places = best(sign * scores, settings.n)[0]
        lists[name] = candidates[places[places >= 0]]
    given = dict(zip(own.indices.tolist(), own.data.tolist(), strict=True))
    for name, positions in lists.items():
        columns = [column.tolist() for column in _predicted(model, user, positions)]
        for rank, (item, *stars) in enumerate(zip(positions.tolist(), *columns, strict=True), 1):
            entry = {"list": name, "rank": rank, "position": item, "rating": given.get(item)}
            yield entry | dict(zip(("prediction", "lower", "upper"), stars, strict=True))


def _predicted(model: Model, user: int, items: Positions) -> list[NDArray[np.floating]]:
    """Prediction and ends of the interval, NaN where the model has none."""
    users = np.full(len(items), user)
    predictions = model.predict(users, items)
    if isinstance(model, Probabilistic):
        return [predictions, *model.predict_interval(users, items, 0.9)]
    return [predictions, *(np.full(len(items), np.nan) for _ in range(2))]
