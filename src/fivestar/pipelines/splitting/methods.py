"""Ways to hold out a share of the ratings; each returns those that are kept and those held out."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.errors import InputError
from fivestar.pipelines.splitting.settings import SplittingSettings

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


def at_random(
    ratings: pd.DataFrame, share: float, seed: int, by: NDArray[np.intp] | None = None
) -> TwoSplits:
    """Hold out random ratings, of every class of ``by`` the same share."""
    # Imported here: every command would otherwise wait a second for it.
    from sklearn.model_selection import train_test_split

    if np.ceil(share * len(ratings)) >= len(ratings):
        return ratings, ratings.iloc[:0]
    kept, held_out = train_test_split(ratings, test_size=share, random_state=seed, stratify=by)
    return kept, held_out


def stratified_by_item(ratings: pd.DataFrame, share: float, seed: int) -> TwoSplits:
    """Hold out the same share of every item's ratings, by scikit-learn's splitter.

    Items too rare to stratify are kept: those with a single rating, and, where fewer rows are
    held out than there are items, the rarest ones after them. Where no item has enough, the
    split is random.
    """
    # Codes in the order of the ids: the same classes to the splitter, and far faster than text.
    codes, _ = pd.factorize(ratings["item"], sort=True)
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
        f"{(counts < needed).sum():,}",
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
    by_user = order.groupby(ratings["user"])
    size = by_user.transform("size")
    n_held_out = np.minimum((share * size).round(), size - 1)
    held_out = by_user.rank(method="first", ascending=False) <= n_held_out
    return ratings[~held_out], ratings[held_out]
