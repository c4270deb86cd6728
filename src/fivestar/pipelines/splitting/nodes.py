"""Ratings into train, validation and test, and into the value that models learn from."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Gt, Lt
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fivestar.errors import InputError
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary

logger = logging.getLogger(__name__)

Parts = tuple[pd.DataFrame, pd.DataFrame]


class SplittingSettings(BaseModel):
    """How ratings are held out.

    Parameters
    ----------
    method
        ``stratified`` by item; ``random``; ``time``: the latest ratings of each user;
        ``per_user``: a random share of each user's ratings.
    test_share
        Of all ratings, where the data set ships no test part.
    validation_share
        Of what the test part leaves.
    seed
        Of the random choices.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["stratified", "random", "time", "per_user"] = "stratified"
    test_share: Annotated[float, Gt(0), Lt(1)] = 0.1
    validation_share: Annotated[float, Gt(0), Lt(1)] = 0.25
    seed: int = 42


def split(
    ratings: pd.DataFrame, test_pairs: pd.DataFrame, settings: SplittingSettings
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train, validation and test.

    Returns
    -------
    train, validation
        ``user``, ``item``, ``rating``.
    test
        Also ``id``; the shipped test pairs, or else a part held out first.

    Raises
    ------
    InputError
        If a part would be empty.
    """
    rest = ratings
    if test_pairs.empty:
        rest, held_out = hold_out(ratings, settings.test_share, settings)
        test_pairs = held_out.reset_index(drop=True).assign(id=np.arange(len(held_out)))
    train, validation = hold_out(rest, settings.validation_share, settings)
    for name, part in (("train", train), ("validation", validation), ("test", test_pairs)):
        if part.empty:
            raise InputError(
                f"the {name} part of {len(ratings):,} ratings would be empty: set larger shares "
                "or another `splitting.method` (random, for instance), or bring more ratings."
            )
    logger.info(
        "%s: %s train, %s validation, %s test ratings",
        "splitting",
        *(f"{len(part):,}" for part in (train, validation, test_pairs)),
    )
    columns = ["user", "item", "rating"]
    return train[columns], validation[columns], test_pairs[["id", *columns]]


def hold_out(ratings: pd.DataFrame, share: float, settings: SplittingSettings) -> Parts:
    """Two parts, the second with about ``share`` of the ratings."""
    match settings.method:
        case "stratified":
            return stratified_by_item(ratings, share, settings.seed)
        case "random":
            return _random_parts(ratings, share, settings.seed)
        case "time":
            if "timestamp" not in ratings:
                raise InputError(
                    "splitting by time needs timestamps: name their column in "
                    "`ingestion.columns.timestamp`, or set another `splitting.method`."
                )
            order = ratings["timestamp"]
        case "per_user":
            order = pd.Series(
                np.random.default_rng(settings.seed).random(len(ratings)), index=ratings.index
            )
    return last_of_each_user(ratings, order, share)


def stratified_by_item(ratings: pd.DataFrame, share: float, seed: int) -> Parts:
    """Hold out the same share of every item's ratings, by scikit-learn's splitter.

    Items too rare to stratify stay in the first part: those with a single rating, and, where
    the held-out part has fewer rows than there are items, the rarest ones after them. Where
    no item has enough, the split is random.
    """
    # Codes in the order of the ids: the same classes to the splitter, and far faster than text.
    codes, _ = pd.factorize(ratings["item"], sort=True)
    counts = np.bincount(codes)
    needed = _fewest_to_stratify(counts, share)
    if needed is None:
        logger.info("%s: no item has enough ratings to stratify: split at random", "splitting")
        return _random_parts(ratings, share, seed)
    common = counts[codes] >= needed
    if common.all():
        return _random_parts(ratings, share, seed, by=codes)
    logger.info(
        "%s: %s items with fewer than %d ratings stay in train (%s ratings)",
        *("splitting", f"{(counts < needed).sum():,}", needed, f"{(~common).sum():,}"),
    )
    kept, held_out = _random_parts(ratings[common], share, seed, by=codes[common])
    return pd.concat([kept, ratings[~common]]), held_out


def _fewest_to_stratify(counts: NDArray[np.intp], share: float) -> int | None:
    """Fewest ratings an item needs, so that both parts have a row for each such item."""
    for needed in np.unique(np.maximum(counts, 2)):
        common = counts[counts >= needed]
        n_held_out = int(np.ceil(share * common.sum()))
        if min(n_held_out, common.sum() - n_held_out) >= len(common) > 0:
            return int(needed)
    return None


def _random_parts(
    ratings: pd.DataFrame, share: float, seed: int, by: NDArray[np.intp] | None = None
) -> Parts:
    # Imported here: every command would otherwise wait a second for it.
    from sklearn.model_selection import train_test_split

    if np.ceil(share * len(ratings)) >= len(ratings):
        return ratings, ratings.iloc[:0]
    kept, held_out = train_test_split(ratings, test_size=share, random_state=seed, stratify=by)
    return kept, held_out


def last_of_each_user(ratings: pd.DataFrame, order: pd.Series, share: float) -> Parts:
    """Hold out the last ``share`` of each user's ratings in ``order``, never all of them."""
    by_user = order.groupby(ratings["user"])
    size = by_user.transform("size")
    n_held_out = np.minimum((share * size).round(), size - 1)
    held_out = by_user.rank(method="first", ascending=False) <= n_held_out
    return ratings[~held_out], ratings[held_out]


def collect_ids(
    train: pd.DataFrame, validation: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame
) -> Vocabulary:
    """Ids of train and validation, and those of which a side table knows something.

    Ids that only the test split has are left out: they would change what models learn. A model
    that predicts from side features still knows a cold item or user that has some.
    """
    return Vocabulary.of([train, validation, _described(users), _described(items)])


def assemble(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    ids: Vocabulary,
    features: Features,
    scale: Scale,
) -> TrainingData:
    """Everything that models learn from, as one value."""
    data = TrainingData(ids.matrix(train), ids.matrix(validation), ids, features, scale)
    logger.info(
        "%s: train %s x %s, %s stored, %.2f %% of the cells; fingerprint %s",
        "training data",
        *(f"{n:,}" for n in (*data.train.shape, data.train.nnz)),
        100 * data.train.nnz / np.prod(data.train.shape, dtype=float),
        data.fingerprint[:8],
    )
    return data


def _described(side: pd.DataFrame) -> pd.DataFrame:
    """The rows of a side table that hold more than an id."""
    features = side.iloc[:, 1:]
    known = features.notna()
    for name in features.columns[features.dtypes == "object"]:
        known[name] &= features[name].map(lambda cell: np.size(cell) > 0)
    return side[known.any(axis=1)]
