"""Recommendations for users of the ratings, and the table of all predictions."""

from __future__ import annotations

import difflib
import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.blocks import Tables, estimate_seconds
from fivestar.analysis.prediction_matrix import FullTable, megabytes
from fivestar.analysis.top_n import can_be_recommended, top_n
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.pipelines.recommendation.settings import RecommendationSettings
from fivestar.pipelines.recommendation.tables import Catalogue, read_out, recommendation_table
from fivestar.ratings import Positions, Vocabulary, merge

logger = logging.getLogger(__name__)

SHOWN = 3
"""Users whose recommendations the log shows, where they were asked for."""


def find_users(vocabulary: dict[str, list[str]], settings: RecommendationSettings) -> Positions:
    """Positions of the users who get recommendations.

    Raises
    ------
    InputError
        If an id is unknown; with ids that are close.
    """
    users = Vocabulary.from_dict(vocabulary).users
    if not settings.users:
        return np.arange(len(users))
    asked = list(dict.fromkeys(settings.users))
    positions: Positions = users.get_indexer(pd.Index(asked, dtype="str"))
    unknown = [user for user, position in zip(asked, positions, strict=True) if position < 0]
    if unknown:
        mistakes = []
        for user in unknown:
            close = difflib.get_close_matches(user, users, n=3, cutoff=0.5)
            mistakes.append(f"{user!r}" + (f" (close: {', '.join(close)})" if close else ""))
        raise InputError(
            f"recommendation.users: no such user: {', '.join(mistakes)}. The {len(users):,} ids "
            "are the column `user` of data/03_primary/ratings.parquet. For someone new set "
            "`recommendation.newcomer`."
        )
    return positions


def recommend(
    name: str,
    model: Model,
    users: Positions,
    train_matrix: sparse.csr_array,
    validation_matrix: sparse.csr_array,
    vocabulary: dict[str, list[str]],
    items: pd.DataFrame,
    settings: RecommendationSettings,
) -> pd.DataFrame:
    """The best unseen items of each user; see ``recommendation_table`` for the columns.

    Unseen is what is rated neither in train nor in validation. Items with few ratings, and
    those of which the model knows nothing, are left out. A user without any rating gets the
    items with the highest means.
    """
    seen = merge(train_matrix[users], validation_matrix[users])
    ids = Vocabulary.from_dict(vocabulary)
    candidates = find_candidates(model, count_ratings(train_matrix, validation_matrix), settings)
    seconds = estimate_seconds(Tables(model), users, candidates)
    logger.info(
        "%-24s %s for %s users out of %s items, about %.0f s",
        *("recommendation", name, f"{len(users):,}", f"{len(candidates):,}", np.ceil(seconds)),
    )
    lists = top_n(model, users, seen, candidates, settings.n)
    table = recommendation_table(
        *(model, users, ids.users[users], lists),
        Catalogue(items, ids.items),
        settings.coverage,
    )
    strangers = int((~model.known_users[users]).sum())
    if strangers:
        logger.info(
            "%-24s %s users have no ratings: theirs are the items with the highest means",
            *("recommendation", f"{strangers:,}"),
        )
    shown = SHOWN if settings.users else 1
    for user, lines in read_out(table, shown):
        logger.info("%-24s user %s\n%s", "recommendation", user, lines)
    return table


def count_ratings(*parts: sparse.csr_array) -> NDArray[np.intp]:
    """Of each item in all parts, (n_items,)."""
    counts: NDArray[np.intp] = sum(
        (np.bincount(part.indices, minlength=part.shape[1]) for part in parts),
        np.zeros(parts[0].shape[1], dtype=np.intp),
    )
    return counts


def find_candidates(
    model: Model, n_ratings: NDArray[np.intp], settings: RecommendationSettings
) -> Positions:
    """The items that may be recommended; says how many are left out."""
    candidates, n_rare, n_unknown = can_be_recommended(model, n_ratings, settings.min_ratings)
    if not len(candidates):
        logger.warning(
            "%-24s no item has %d ratings, so nothing is recommended: set "
            "`recommendation.min_ratings` to %d at the most",
            *("recommendation", settings.min_ratings, n_ratings.max()),
        )
    elif n_rare or n_unknown:
        logger.info(
            "%-24s left out: %s items with fewer than %d ratings, %s unknown to the model",
            *("recommendation", f"{n_rare:,}", settings.min_ratings, f"{n_unknown:,}"),
        )
    return candidates


def fill_full_table(
    name: str, model: Model, vocabulary: dict[str, list[str]], settings: RecommendationSettings
) -> FullTable:
    """All predictions, made while they are written; none where the table would be too large."""
    ids = Vocabulary.from_dict(vocabulary)
    n_users, n_items = ids.shape
    size, at_most = megabytes(n_users, n_items), settings.full_table.at_most_megabytes
    seconds = estimate_seconds(Tables(model), np.arange(n_users), np.arange(n_items))
    estimate = (
        f"{n_users:,} users x {n_items:,} items, {n_users * n_items:,} predictions of {name}, "
        f"about {size:,.1f} MB and {np.ceil(seconds):,.0f} s"
    )
    if size > at_most:
        logger.warning(
            "%-24s left out: %s. To have it, set `recommendation.full_table.at_most_megabytes` "
            "to more than %g",
            *("full table", estimate, at_most),
        )
        return FullTable(model, None)
    logger.info("%-24s %s", "full table", estimate)
    return FullTable(model, ids)
