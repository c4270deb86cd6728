"""Ways to hold out a share of the ratings; each returns the rows kept and those held out."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.errors import InputError
from fivestar.pipelines.splitting.settings import SplittingSettings
from fivestar.ratings.ids import Codes, encode, grouped

logger = logging.getLogger(__name__)

Rows = NDArray[np.integer]
"""Positions of rows."""
TwoSplits = tuple[Rows, Rows]
"""Of rows that are kept, and of those held out."""


def hold_out(
    ratings: pd.DataFrame, rows: Rows, share: float, settings: SplittingSettings
) -> TwoSplits:
    """Hold out about ``share`` of these rows of the ratings."""
    match settings.method:
        case "stratified":
            kept, held_out = stratified(encode(ratings["item"]).codes[rows], share, settings.seed)
        case "random":
            kept, held_out = at_random(len(rows), share, settings.seed)
        case "time":
            if "timestamp" not in ratings:
                raise InputError(
                    "splitting by time needs timestamps: name their column in "
                    "`ingestion.columns.timestamp`, or set another `splitting.method`."
                )
            users, times = encode(ratings["user"]).codes, ratings["timestamp"].to_numpy()
            kept, held_out = last_of_each_user(users[rows], times[rows], share)
        case "per_user":
            order = np.random.default_rng(settings.seed).random(len(rows))
            users = encode(ratings["user"]).codes
            kept, held_out = last_of_each_user(users[rows], order, share)
    return rows[kept], rows[held_out]


def at_random(n: int, share: float, seed: int, by: Codes | None = None) -> TwoSplits:
    """Hold out random ones of ``n`` rows, of every class of ``by`` the same share.

    The same rows in the same order as scikit-learn's ``train_test_split`` (1.9), which keeps
    lists of all rows.
    """
    n_held_out = int(np.ceil(share * n))
    if n_held_out >= n:
        return np.arange(n), np.arange(0)
    random = np.random.RandomState(seed)
    if by is not None:
        return _of_every_class(by, n_held_out, random)
    order = random.permutation(n)
    return order[n_held_out:], order[:n_held_out]


def _of_every_class(classes: Codes, n_held_out: int, random: np.random.RandomState) -> TwoSplits:
    """Both shuffled, with the same share of every class."""
    counts = np.bincount(classes)
    counts = counts[counts > 0]
    n_kept = _shares(counts, len(classes) - n_held_out, random)
    _shares(counts - n_kept, n_held_out, random)  # all that are left, but it draws lots
    by_class = grouped(classes)
    kept, held_out = [], []
    for end, count, n in zip(np.cumsum(counts), counts, n_kept, strict=True):
        rows = by_class[end - count : end][random.permutation(count)]
        kept.append(rows[:n])
        held_out.append(rows[n:])
    parts = np.concatenate(kept), np.concatenate(held_out)
    for part in parts:
        random.shuffle(part)
    return parts


def _shares(counts: NDArray[np.intp], n: int, random: np.random.RandomState) -> NDArray[np.intp]:
    """How many of ``n`` fall to each class by its size; whom the fractions favour, by lot.

    As scikit-learn's ``_approximate_mode`` (BSD licence), draw for draw.
    """
    exact = counts / counts.sum() * n
    whole = np.floor(exact)
    left = int(n - whole.sum())
    if left > 0:
        fractions = exact - whole
        for fraction in np.unique(fractions)[::-1]:
            (equal,) = np.nonzero(fractions == fraction)
            chosen = random.choice(equal, size=min(len(equal), left), replace=False)
            whole[chosen] += 1
            left -= len(chosen)
            if left == 0:
                break
    shares: NDArray[np.intp] = whole.astype(np.intp)
    return shares


def stratified(items: Codes, share: float, seed: int) -> TwoSplits:
    """Hold out the same share of every item's ratings.

    Items too rare to stratify are kept: those with a single rating, and, where fewer rows are
    held out than there are items, the rarest ones after them. Where no item has enough, the
    split is random.
    """
    counts = np.bincount(items)
    needed = _min_to_stratify(counts, share)
    if needed is None:
        logger.info("splitting: no item has enough ratings to stratify: split at random")
        return at_random(len(items), share, seed)
    common = counts[items] >= needed
    if common.all():
        return at_random(len(items), share, seed, by=items)
    logger.info(
        "splitting: %s items with fewer than %d ratings stay in train (%s ratings)",
        f"{((counts > 0) & (counts < needed)).sum():,}",
        needed,
        f"{(~common).sum():,}",
    )
    rows = np.flatnonzero(common)
    kept, held_out = at_random(len(rows), share, seed, by=items[rows])
    return np.concatenate([rows[kept], np.flatnonzero(~common)]), rows[held_out]


def _min_to_stratify(counts: NDArray[np.intp], share: float) -> int | None:
    """Fewest ratings an item needs, so that both splits have a row for each such item."""
    for needed in np.unique(np.maximum(counts, 2)):
        common = counts[counts >= needed]
        n_held_out = int(np.ceil(share * common.sum()))
        if min(n_held_out, common.sum() - n_held_out) >= len(common) > 0:
            return int(needed)
    return None


def last_of_each_user(users: Codes, order: NDArray[Any], share: float) -> TwoSplits:
    """Hold out the last ``share`` of each user's ratings in ``order``, never all of them."""
    n_ratings = np.bincount(users)
    n_held_out = np.minimum(np.round(share * n_ratings), n_ratings - 1)
    last_first = np.argsort(-order, kind="stable")
    rows = last_first[grouped(users[last_first])]
    before = np.cumsum(n_ratings) - n_ratings  # rows of the users before
    user = users[rows]
    held_out = np.empty(len(users), dtype=np.bool_)
    held_out[rows] = np.arange(len(users)) - before[user] < n_held_out[user]
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
