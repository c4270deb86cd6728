"""What lies close to the items that are asked for."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from fivestar.analysis.labels import described
from fivestar.analysis.new_user import ItemSearch
from fivestar.analysis.similarity import MEASURES, nearest
from fivestar.errors import InputError
from fivestar.pipelines.inspection.choosing import Inspected
from fivestar.pipelines.inspection.settings import InspectionSettings
from fivestar.ratings.titles import Match, Titles, look_up, plain, split_year

logger = logging.getLogger(__name__)

N_EXAMPLES = 3
"""Items that are shown where none is asked for, the most rated ones."""
MAX_OTHERS = 6
"""Other items named that a title may have meant."""
COLUMNS = [
    *("asked", "found", "measure", "rank", "item", "title", "year", "genres", "similarity"),
    *("n_ratings", "about"),
]


def require_titles(
    inspected: Inspected, items: pd.DataFrame, settings: InspectionSettings
) -> Inspected:
    """Hand the model on once every title that is asked for is found: nothing is written before.

    Raises
    ------
    InputError
        As ``find_neighbours`` does.
    """
    _understand(settings.items, items)
    return inspected


def find_neighbours(
    inspected: Inspected, items: pd.DataFrame, settings: InspectionSettings
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The items closest to each that is asked for, by cosine and by dot product.

    Returns
    -------
    asked
        Each title as asked, as found, its item, and what else it may have meant.
    neighbours
        The columns of ``COLUMNS``; ``genres`` and ``about`` (the genres, else the author or the
        like) are text.

    Raises
    ------
    InputError
        If a title is not found, or its item has no rating; with suggestions.
    """
    matches = _understand(settings.items, items)
    allowed = (items["n_ratings"] >= settings.min_ratings).to_numpy()
    about = described(items)
    table = items.assign(
        title=items["shown"], about=about, genres=about if "genres" in items else ""
    )
    tables = []
    for match in matches:
        if settings.items:
            note = f" (not {'; '.join(match.others)})" if match.others else ""
            logger.info("inspection: %r is %s%s", match.asked, match.found, note)
        for measure in MEASURES:
            indices, similarities = nearest(
                inspected.factors.items, match.index, allowed, settings.n_neighbours, measure
            )
            found = table.iloc[indices].assign(
                asked=match.asked,
                found=match.found,
                measure=measure,
                rank=range(1, len(indices) + 1),
                similarity=similarities.astype("float64").round(4),
            )
            tables.append(found[COLUMNS])
            if measure == "cosine":
                near = "; ".join(found["title"].head(5)) or "nothing has enough ratings"
                logger.info("%s: %s, close by cosine: %s", inspected.name, match.found, near)
    asked = [
        {
            "asked": match.asked,
            "found": match.found,
            "item": items["item"].iloc[match.index],
            "others": match.others,
        }
        for match in matches
    ]
    return asked, pd.concat(tables, ignore_index=True)


def _understand(asked: list[str], items: pd.DataFrame) -> list[Match]:
    shown, n_ratings = items["shown"].tolist(), items["n_ratings"]
    if not asked:
        most = n_ratings.sort_values(ascending=False, kind="stable").index[:N_EXAMPLES]
        return [Match(shown[index], int(index), shown[index], []) for index in most]
    titles, plainly = ItemSearch(items).titles, [plain(title) for title in shown]
    matches: dict[int, Match] = {}
    mistakes = []
    for title in asked:
        fitting = _fitting(title, titles, plainly)
        if not fitting:
            mistakes += look_up([title], titles, shown)[1]
        elif n_ratings[fitting[0]] == 0:
            mistakes.append(f"{title!r}: {shown[fitting[0]]} has no rating to learn from.")
        elif fitting[0] not in matches:
            found, *others = (shown[index] for index in fitting)
            matches[fitting[0]] = Match(title, fitting[0], found, others)
    if mistakes:
        raise InputError("inspection.items: " + "\n  ".join(mistakes))
    return list(matches.values())


def _fitting(title: str, titles: Titles, plainly: list[str]) -> list[int]:
    """Indices of items by their words; then those that hold the text anywhere, most rated first.

    Where a text is within a word of some titles, others that are merely similar do not fit.
    """
    text = plain(split_year(title)[0])
    holding = [index for index, other in enumerate(plainly) if text and text in other]
    holding.sort(key=lambda index: -titles.weights[index])
    by_words = titles.find(title).fitting
    if holding and not any(text in plainly[index] for index in by_words):
        by_words = []
    return list(dict.fromkeys([*by_words, *holding]))[: MAX_OTHERS + 1]
