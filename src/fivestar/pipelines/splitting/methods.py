"""Ways to hold out a share of the ratings; each returns those that are kept and those held out."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.errors import InputError
from fivestar.pipelines.splitting.settings import SplittingSettings
from fivestar.ratings.ids import Codes, encode, grouped

logger = logging.getLogger(__name__)

TwoSplits = tuple[pd.DataFrame, pd.DataFrame]


def hold_out(ratings: pd.DataFrame, share: float, settings: SplittingSettings) -> TwoSplits:
    """Hold out about ``share`` of the ratings."""
    match settings.method:
        case "stratified":
            return stratified_by_item(ratings, share, settings.seed)
        case "random":
            return at_random(ratings, share, settings.seed)
        case "time":
            if "timestamp" not in ratings:
                raise InputError(
                    "splitting by time needs timestamps: name their column in "
                    "`ingestion.columns.timestamp`, or set another `splitting.method`."
                )
            return last_of_each_user(ratings, ratings["timestamp"], share)
        case "per_user":
            order = np.random.default_rng(settings.seed).random(len(ratings))
            return last_of_each_user(ratings, pd.Series(order, index=ratings.index), share)


def at_random(ratings: pd.DataFrame, share: float, seed: int, by: Codes | None = None) -> TwoSplits:
    """Hold out random ratings, of every class of ``by`` the same share.

    The same rows in the same order as scikit-learn's ``train_test_split`` (1.9), which keeps
    lists of all rows.
    """
    n_held_out = int(np.ceil(share * len(ratings)))
    if n_held_out >= len(ratings):
        return ratings, ratings.iloc[:0]
    random = np.random.RandomState(seed)
    if by is None:
        order = random.permutation(len(ratings))
        return ratings.iloc[order[n_held_out:]], ratings.iloc[order[:n_held_out]]
    kept, held_out = _of_every_class(by, n_held_out, random)
    return ratings.iloc[kept], ratings.iloc[held_out]


def _of_every_class(
    classes: Codes, n_held_out: int, random: np.random.RandomState
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Rows that are kept and held out, both shuffled, with the same share of every class."""
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


def stratified_by_item(ratings: pd.DataFrame, share: float, seed: int) -> TwoSplits:
    """Hold out the same share of every item's ratings.

    Items too rare to stratify are kept: those with a single rating, and, where fewer rows are
    held out than there are items, the rarest ones after them. Where no item has enough, the
    split is random.
    """
    codes = encode(ratings["item"]).codes
    counts = np.bincount(codes)
    needed = _min_to_stratify(counts, share)
    if needed is None:
        logger.info("splitting: no item has enough ratings to stratify: split at random")
        return at_random(ratings, share, seed)
    common = counts[codes] >= needed
    if common.all():
        return at_random(ratings, share, seed, by=codes)
    logger.info(
        "splitting: %s items with fewer than %d ratings stay in train (%s ratings)",
        f"{((counts > 0) & (counts < needed)).sum():,}",
        needed,
        f"{(~common).sum():,}",
    )
    kept, held_out = at_random(ratings[common], share, seed, by=codes[common])
    return pd.concat([kept, ratings[~common]]), held_out


def _min_to_stratify(counts: NDArray[np.intp], share: float) -> int | None:
    """Fewest ratings an item needs, so that both splits have a row for each such item."""
    for needed in np.unique(np.maximum(counts, 2)):
        common = counts[counts >= needed]
        n_held_out = int(np.ceil(share * common.sum()))
        if min(n_held_out, common.sum() - n_held_out) >= len(common) > 0:
            return int(needed)
    return None


def last_of_each_user(ratings: pd.DataFrame, order: pd.Series, share: float) -> TwoSplits:
    """Hold out the last ``share`` of each user's ratings in ``order``, never all of them."""
    users = encode(ratings["user"]).codes
    n_ratings = np.bincount(users)
    n_held_out = np.minimum(np.round(share * n_ratings), n_ratings - 1)
    latest_first = np.argsort(-order.to_numpy(), kind="stable")
    rows = latest_first[grouped(users[latest_first])]
    before = np.cumsum(n_ratings) - n_ratings  # rows of the users before
    user = users[rows]
    held_out = np.empty(len(ratings), dtype=np.bool_)
    held_out[rows] = np.arange(len(ratings)) - before[user] < n_held_out[user]
    return ratings[~held_out], ratings[held_out]
