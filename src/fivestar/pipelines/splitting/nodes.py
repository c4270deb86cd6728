"""Ratings into train, validation and test, and into the value that models learn from."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from fivestar.errors import InputError
from fivestar.pipelines.splitting.methods import hold_out
from fivestar.pipelines.splitting.settings import SplittingSettings
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary

logger = logging.getLogger(__name__)


def split(
    ratings: pd.DataFrame, test_pairs: pd.DataFrame, settings: SplittingSettings
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train, validation and test.

    Returns
    -------
    train, validation
        ``user``, ``item``, ``rating``.
    test
        Also ``id``; the shipped test pairs, or else a split held out first.

    Raises
    ------
    InputError
        If a split would be empty.
    """
    rest = ratings
    if test_pairs.empty:
        rest, held_out = hold_out(ratings, settings.test_share, settings)
        test_pairs = held_out.reset_index(drop=True).assign(id=np.arange(len(held_out)))
    train, validation = hold_out(rest, settings.validation_share, settings)
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
    columns = ["user", "item", "rating"]
    return train[columns], validation[columns], test_pairs[["id", *columns]]


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
