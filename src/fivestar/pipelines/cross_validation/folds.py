"""Ratings dealt into folds."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from fivestar.errors import InputError
from fivestar.pipelines.cross_validation.settings import CrossValidationSettings

logger = logging.getLogger(__name__)

DEALT_BY = {"stratified": "item", "per_user": "user"}
"""The column of whose values every fold gets an equal part."""


def deal(ratings: pd.DataFrame, settings: CrossValidationSettings) -> pd.DataFrame:
    """The ratings with the column ``fold``, 1 to ``n_folds``; sizes differ by one at the most.

    Raises
    ------
    InputError
        If there are fewer ratings than folds.
    """
    if len(ratings) < settings.n_folds:
        raise InputError(
            f"cross_validation.n_folds: {settings.n_folds} folds of {len(ratings)} ratings. "
            "Set fewer folds, or bring more ratings."
        )
    order = np.random.default_rng(settings.seed).permutation(len(ratings))
    if settings.folds in DEALT_BY:
        codes, _ = pd.factorize(ratings[DEALT_BY[settings.folds]], sort=True)
        order = order[np.argsort(codes[order], kind="stable")]
    fold = np.empty(len(ratings), dtype=np.int64)
    fold[order] = np.arange(len(ratings)) % settings.n_folds + 1
    logger.info(
        "cross_validation: %s ratings dealt into %d %s folds",
        *(f"{len(ratings):,}", settings.n_folds, settings.folds),
    )
    return ratings.assign(fold=fold)


def hold_out_fold(dealt: pd.DataFrame, *, fold: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ratings of the other folds, and those of this one as test pairs with an ``id``."""
    ratings = dealt.drop(columns="fold")
    held_out = dealt["fold"] == fold
    pairs = ratings[held_out].reset_index(drop=True)
    pairs.insert(0, "id", np.arange(len(pairs)))
    return ratings[~held_out].reset_index(drop=True), pairs
