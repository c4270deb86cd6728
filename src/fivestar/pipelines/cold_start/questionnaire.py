"""The questionnaire itself."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from fivestar.analysis.elicitation.ranking import GREEDY, rank
from fivestar.pipelines.cold_start.models import Blocks, fit_factor_model
from fivestar.pipelines.cold_start.settings import ColdStartSettings
from fivestar.ratings import TrainingData

logger = logging.getLogger(__name__)

SHOWN = 10
"""Questions that the log tells."""


def write_questionnaire(
    data: TrainingData, item_table: pd.DataFrame, blocks: Blocks, settings: ColdStartSettings
) -> pd.DataFrame:
    """What to ask a cold-start user about, best first, from everybody's ratings.

    Returns
    -------
    ``rank``, ``item``, ``title`` (the id where there is none), ``year``, ``rating`` (empty, to
    be filled in), ``n_ratings``, ``share`` of the users who rated it, ``standard_deviation`` of
    its ratings, and ``gain`` (what the strategy goes by).
    """
    ratings, prior = data.ratings, None
    if settings.strategy in GREEDY:
        _, prior = fit_factor_model(data, blocks, settings)
    ranking = rank(settings.strategy, ratings, prior, settings.seed)
    table = item_table.iloc[ranking.items].reset_index(drop=True)
    table["gain"] = ranking.gains.round(6)
    deviations = pd.Series(ratings.data.astype(float)).groupby(ratings.indices).std(ddof=0)
    table["standard_deviation"] = deviations.reindex(ranking.items).round(3).to_numpy()
    table = table[table["n_ratings"] > 0].head(settings.n_questions)
    n_users = np.count_nonzero(np.diff(ratings.indptr))
    table = table.assign(
        rank=np.arange(1, len(table) + 1),
        title=table["title"].fillna(table["item"]),
        rating="",
        share=(table["n_ratings"] / n_users).round(4),
    )
    shown = table[["share", "shown"]].head(SHOWN).itertuples(index=False)
    logger.info(
        "questionnaire: %d questions (%s), first of all:\n%s",
        *(len(table), settings.strategy),
        "\n".join(f"  {share:4.0%} know  {title}" for share, title in shown),
    )
    columns = ("rank", "item", "title", "year", "rating", "n_ratings", "share")
    return table[[*columns, "standard_deviation", "gain"]]
