"""Pairs of users and items with what they would be rated."""

from __future__ import annotations

import logging

import pandas as pd

from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.pipelines.ingestion import checks
from fivestar.pipelines.ingestion.settings import IngestionSettings
from fivestar.ratings import TrainingData
from fivestar.recommender import Recommender

logger = logging.getLogger(__name__)


def score(
    pairs_raw: pd.DataFrame,
    name: str,
    model: Model,
    data: TrainingData,
    items: pd.DataFrame,
    settings: IngestionSettings,
) -> pd.DataFrame:
    """Predictions of pairs; those of unknown ids are fallbacks, and marked.

    Parameters
    ----------
    pairs_raw
        ``user`` and ``item``, or what the ratings file calls them; other columns are kept.

    Returns
    -------
    The table as it came, then ``prediction``, ``low`` and ``high`` (the ends of the interval,
    missing of a model without intervals) and ``fallback``.

    Raises
    ------
    InputError
        If a column is missing, an id is empty, or there are no rows.
    """
    pairs = checks.as_text(pairs_raw)
    checks.require_rows(pairs, "pair")
    users, items_asked = (
        pairs[_column(pairs, own, in_ratings)]
        for own, in_ratings in (("user", settings.columns.user), ("item", settings.columns.item))
    )
    found = Recommender(name, model, data, items).predict_columns(users, items_asked)
    scored = pairs.assign(**found)
    n_unknown = int(scored["fallback"].sum())
    logger.info("scoring: %s pairs by %s, %s fallbacks", f"{len(scored):,}", name, f"{n_unknown:,}")
    return scored


def _column(pairs: pd.DataFrame, own: str, in_ratings: str) -> str:
    """The name of the column of ids, none of which is empty."""
    for name in (own, in_ratings):
        if name in pairs:
            checks.ids(pairs, name)
            return name
    raise InputError(
        f"{checks.file_of(pairs)}: no column {own!r} or {in_ratings!r}; the file has "
        f"{', '.join(map(repr, pairs))}. Begin it with the line user,item, or set `separator` or "
        "`columns` of `pairs_raw` in the environment's catalog.yml."
    )
