"""Ratings that came in after training, checked and cleaned as the others were."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from fivestar.errors import InputError
from fivestar.pipelines.ingestion import checks
from fivestar.pipelines.ingestion.nodes import clean_ratings
from fivestar.pipelines.ingestion.settings import IngestionSettings
from fivestar.ratings import Scale, Vocabulary
from fivestar.ratings.ids import pair_keys

logger = logging.getLogger(__name__)


def clean_new_ratings(
    raw: pd.DataFrame | None,
    ratings: pd.DataFrame,
    test_pairs: pd.DataFrame,
    settings: IngestionSettings,
    scale: Scale,
) -> pd.DataFrame:
    """One rating a pair, as ``clean_ratings`` gives them, of pairs that were not there before.

    Parameters
    ----------
    ratings, test_pairs
        What train, validation and test were made of. Their pairs are left out: the model may have
        been trained on them, and is compared with what it does on test.

    Raises
    ------
    InputError
        If there is no table, a row cannot be used, or no pair is new.
    """
    if raw is None:
        raise InputError(
            "new_ratings_raw: no file is named. Name one in the environment's catalog.yml, or on "
            "the command line: --params new_ratings_file=my.csv"
        )
    table = clean_ratings(raw, settings.model_copy(update={"k_core": 0}), scale)
    ids = Vocabulary.of([ratings, test_pairs, table])
    new, *earlier = (
        pair_keys(*ids.indices(pairs), len(ids.items)) for pairs in (table, ratings, test_pairs)
    )
    seen = np.isin(new, np.concatenate(earlier))
    if seen.all():
        raise InputError(
            f"{checks.file_of(raw)}: every pair of user and item is among the data set's ratings "
            "already. Write there the ratings that came in after training."
        )
    if seen.any():
        logger.info(
            "monitoring: %s of %s new ratings left out: their pairs are among the data set's",
            *(f"{seen.sum():,}", f"{len(table):,}"),
        )
    return table[~seen].reset_index(drop=True)
