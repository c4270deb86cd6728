"""Ratings into train, validation and test, and into the value that models learn from."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.errors import InputError
from fivestar.pipelines.splitting.methods import hold_out
from fivestar.pipelines.splitting.settings import SplittingSettings
from fivestar.pipelines.wiring import version
from fivestar.ratings import Context, Features, Scale, TrainingData, Vocabulary

logger = logging.getLogger(__name__)

COLUMNS = ("user", "item", "rating", "timestamp")
SECONDS_A_DAY = 86_400


@version(2)
def split(
    ratings: pd.DataFrame, test_pairs: pd.DataFrame, settings: SplittingSettings
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train, validation and test.

    Returns
    -------
    train, validation
        ``user``, ``item``, ``rating``; ``timestamp`` where it is known; ``weight`` where ratings
        have one or age counts, 1 on average.
    test
        Also ``id``, but no weight; the shipped test pairs, or else a split held out first.

    Raises
    ------
    InputError
        If a split would be empty, or age counts and there are no timestamps.
    """
    rows: NDArray[np.integer] = np.arange(len(ratings))
    if test_pairs.empty:
        rows, held_out = hold_out(ratings, rows, settings.test_share, settings)
        test_pairs = ratings.iloc[held_out].reset_index(drop=True)
        test_pairs = test_pairs.assign(id=np.arange(len(test_pairs)))
    parts = hold_out(ratings, rows, settings.validation_share, settings)
    train, validation = (ratings.iloc[part] for part in parts)
    for name, table in (("train", train), ("validation", validation), ("test", test_pairs)):
        if table.empty:
            raise InputError(
                f"the {name} split of {len(ratings):,} ratings would be empty: set larger shares "
                "or another `splitting.method` (random, for instance), or bring more ratings."
            )
    logger.info(
        "splitting: %s train, %s validation, %s test ratings",
        *(f"{len(table):,}" for table in (train, validation, test_pairs)),
    )
    train, validation = with_weights(train, validation, settings.half_life_days)
    return (
        _columns(train, [*COLUMNS, "weight"]),
        _columns(validation, [*COLUMNS, "weight"]),
        _columns(test_pairs, ["id", *COLUMNS]),
    )


def with_weights(
    train: pd.DataFrame, validation: pd.DataFrame, half_life_days: float | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both parts with the ``weight`` of each rating, if ratings differ in it; 1 on average.

    That is the data's own weight times 2^(-age / half life).
    """
    if half_life_days is None and "weight" not in train:
        return train, validation
    both = pd.concat([train, validation])
    weight = both["weight"] if "weight" in both else pd.Series(1.0, index=both.index)
    if half_life_days is not None:
        if "timestamp" not in both:
            raise InputError(
                "`splitting.half_life_days` needs timestamps: name their column in "
                "`ingestion.columns.timestamp`, or set it to null."
            )
        age = both["timestamp"].max() - both["timestamp"]
        weight = weight * np.exp2(-age / (half_life_days * SECONDS_A_DAY))
    both["weight"] = weight / weight.mean()
    n_train = len(train)
    return both.iloc[:n_train], both.iloc[n_train:]


def _columns(table: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    """Those of the wanted columns that the table has."""
    return table[[name for name in wanted if name in table]]


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
    data = TrainingData(
        train=ids.matrix(train),
        validation=ids.matrix(validation),
        vocabulary=ids,
        features=features,
        scale=scale,
        train_context=Context.of(train, ids),
        validation_context=Context.of(validation, ids),
    )
    logger.info(
        "training data: train %s x %s, %s stored, %.2f %% of the cells; fingerprint %s",
        *(f"{n:,}" for n in (*data.train.shape, data.train.nnz)),
        100 * data.train.nnz / np.prod(data.train.shape, dtype=float),
        data.fingerprint[:8],
    )
    return data


def _described(side: pd.DataFrame) -> pd.DataFrame:
    """The rows of a side table that hold more than an id."""
    features = side.iloc[:, 1:]
    known = features.notna()
    for name in features.columns[features.dtypes.eq("object")]:  # lists, some of them empty
        known[name] &= features[name].map(lambda cell: np.size(cell) > 0)
    return side[known.any(axis=1)]
