"""Ratings dealt into folds."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from fivestar.errors import InputError

logger = logging.getLogger(__name__)

DEALT_BY = {"stratified": "item", "per_user": "user"}
"""The column of whose values every fold gets an equal part."""


def deal(ratings: pd.DataFrame, *, folds: str, n_folds: int, seed: int) -> pd.DataFrame:
    """The ratings with the column ``fold``, 1 to ``n_folds``; sizes differ by one at the most.

    Parameters
    ----------
    folds, n_folds, seed
        See ``CrossValidationSettings``.

    Raises
    ------
    InputError
        If there are fewer ratings than folds.
    """
    if len(ratings) < n_folds:
        raise InputError(
            f"cross_validation.n_folds: {n_folds} folds of {len(ratings)} ratings. "
            "Set fewer folds, or bring more ratings."
        )
    order = np.random.default_rng(seed).permutation(len(ratings))
    if folds in DEALT_BY:
        codes, _ = pd.factorize(ratings[DEALT_BY[folds]], sort=True)
        order = order[np.argsort(codes[order], kind="stable")]
    fold = np.empty(len(ratings), dtype=np.int64)
    fold[order] = np.arange(len(ratings)) % n_folds + 1
    logger.info(
        "cross_validation: %s ratings dealt into %d %s folds",
        *(f"{len(ratings):,}", n_folds, folds),
    )
    return ratings.assign(fold=fold)


def hold_out_fold(dealt: pd.DataFrame, *, fold: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ratings of the other folds, and those of this one as test pairs with an ``id``."""
    ratings = dealt.drop(columns="fold")
    held_out = dealt["fold"] == fold
    pairs = ratings[held_out].reset_index(drop=True)
    pairs.insert(0, "id", np.arange(len(pairs)))
    return ratings[~held_out].reset_index(drop=True), pairs
