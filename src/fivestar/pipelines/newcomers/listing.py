"""The questionnaire itself."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from fivestar.analysis.elicitation.facts import Facts
from fivestar.analysis.elicitation.ranking import NEED_TASTE, rank
from fivestar.pipelines.newcomers.asking import taste_of
from fivestar.pipelines.newcomers.fitting import Data
from fivestar.pipelines.newcomers.settings import NewcomersSettings
from fivestar.ratings import Vocabulary
from fivestar.ratings.titles import shown_titles

logger = logging.getLogger(__name__)

SHOWN = 10
"""Questions that the log tells."""


def write_questionnaire(
    data: Data, vocabulary: dict[str, list[str]], items: pd.DataFrame, settings: NewcomersSettings
) -> pd.DataFrame:
    """What to ask a newcomer about, best first, from everybody's ratings.

    Returns
    -------
    ``rank``, ``item``, ``title`` (the id where there is none), ``year``, ``rating`` (empty, to
    be filled in), ``n_ratings``, ``share`` of the users who rated it, ``spread`` (standard
    deviation of its ratings, stars) and ``gain`` (what the strategy goes by).
    """
    ratings, taste = data.ratings, None
    if settings.strategy in NEED_TASTE:
        taste = taste_of(data.fit(settings.factor_model), data, settings)
    ranking, facts = rank(settings.strategy, ratings, taste, settings.seed), Facts.of(ratings)
    n = min(settings.n_questions, int(np.count_nonzero(facts.n_ratings)))
    chosen = ranking.items[:n]
    ids = Vocabulary.from_dict(vocabulary).items[chosen]
    known = items.drop_duplicates("item").set_index("item").reindex(ids)
    known = known.reindex(columns=["title", "year"])
    titles = known["title"].astype("str").where(known["title"].notna(), ids.to_series())
    table = pd.DataFrame(
        {
            "rank": np.arange(1, n + 1),
            "item": ids,
            "title": titles.to_numpy(),
            "year": known["year"].astype("float64").to_numpy(),
            "rating": "",
            "n_ratings": facts.n_ratings[chosen],
            "share": facts.share[chosen].round(4),
            "spread": facts.spread[chosen].round(3),
            "gain": ranking.gains[:n].round(6),
        }
    ).astype({"year": "Int64"})
    shown = zip(shown_titles(items, ids), table["share"], strict=True)
    rows = [f"  {share:4.0%} know  {title}" for title, share in list(shown)[:SHOWN]]
    logger.info(
        "%-24s %d questions (%s), first of all:\n%s",
        *("questionnaire", n, settings.strategy, "\n".join(rows)),
    )
    return table
