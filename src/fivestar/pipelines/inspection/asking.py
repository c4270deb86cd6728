"""What lies close to the items that are asked for."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from fivestar.analysis.embeddings import Embeddings
from fivestar.analysis.similarity import MEASURES, nearest
from fivestar.errors import InputError
from fivestar.pipelines.inspection.settings import InspectionSettings
from fivestar.ratings.titles import Match, Titles, look_up, plain, split_year

logger = logging.getLogger(__name__)

EXAMPLES = 3
"""Items that are shown where none is asked for, the most rated ones."""
MOST_OTHERS = 6
"""Other items that a title may have meant, named at the most."""
COLUMNS = [
    *("asked", "found", "measure", "rank", "item", "title", "year", "genres", "similarity"),
    *("n_ratings", "about"),
]


def find_neighbours(
    name: str, embeddings: Embeddings, about: pd.DataFrame, settings: InspectionSettings
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The items closest to each that is asked for, by cosine and by dot product.

    Returns
    -------
    asked
        Each title as asked, as found, its item, and what else it may have meant.
    neighbours
        The columns of ``COLUMNS``.

    Raises
    ------
    InputError
        If a title is not found, or its item has no rating; with suggestions.
    """
    matches = _understand(settings.items, about)
    allowed = (about["n_ratings"] >= settings.min_ratings).to_numpy()
    tables = []
    for match in matches:
        for measure in MEASURES:
            positions, similarities = nearest(
                embeddings.items, match.position, allowed, settings.n_neighbours, measure
            )
            table = about.iloc[positions].assign(
                asked=match.asked,
                found=match.found,
                title=about["shown"].iloc[positions],
                measure=measure,
                rank=range(1, len(positions) + 1),
                similarity=similarities.astype("float64").round(4),
            )
            tables.append(table)
            if measure == "cosine":
                near = "; ".join(table["title"].head(5)) or "nothing has enough ratings"
                logger.info("%-24s %s, close by cosine: %s", name, match.found, near)
    asked = [
        {
            "asked": match.asked,
            "found": match.found,
            "item": about["item"].iloc[match.position],
            "others": match.others,
        }
        for match in matches
    ]
    return asked, pd.concat(tables, ignore_index=True)[COLUMNS]


def _understand(asked: list[str], about: pd.DataFrame) -> list[Match]:
    shown = about["shown"].tolist()
    if not asked:
        most = about["n_ratings"].sort_values(ascending=False, kind="stable").index[:EXAMPLES]
        return [Match(shown[position], int(position), shown[position], []) for position in most]
    titles = Titles(
        about["title"].tolist(),
        about["year"].astype("float64").tolist(),
        about["n_ratings"].tolist(),
    )
    plainly = [plain(title) for title in shown]
    matches, mistakes = [], []
    for title in asked:
        positions = _fitting(title, titles, plainly, about["n_ratings"])
        if positions:
            meant, *others = positions
            matches.append(Match(title, meant, shown[meant], [shown[p] for p in others]))
        else:
            mistakes += look_up([title], titles, shown)[1]
    mistakes += [
        f"{match.asked!r}: {match.found} has no rating in train or validation, so nothing tells."
        for match in matches
        if about["n_ratings"].iloc[match.position] == 0
    ]
    if mistakes:
        raise InputError("inspection.items: " + "\n  ".join(mistakes))
    matches = list({match.position: match for match in reversed(matches)}.values())[::-1]
    for match in matches:
        note = f" (not {'; '.join(match.others)})" if match.others else ""
        logger.info("%-24s %r is %s%s", "inspection", match.asked, match.found, note)
    return matches


def _fitting(title: str, titles: Titles, plainly: list[str], n_ratings: pd.Series) -> list[int]:
    """Positions of items by their words; then those that hold the text anywhere, most rated first.

    Where a text is within a word of some titles, others that are merely alike do not fit.
    """
    part = plain(split_year(title)[0])
    holding = [position for position, other in enumerate(plainly) if part and part in other]
    holding.sort(key=lambda position: -n_ratings.iloc[position])
    by_words = titles.find(title).fitting
    if holding and not any(part in plainly[position] for position in by_words):
        by_words = []
    return list(dict.fromkeys([*by_words, *holding]))[: MOST_OTHERS + 1]
