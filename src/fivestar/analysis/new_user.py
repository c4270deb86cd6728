"""Ratings of new users, as people write them: titles or ids, and numbers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from fivestar.errors import InputError
from fivestar.ratings import Scale
from fivestar.ratings.titles import Titles, look_up, plain

logger = logging.getLogger(__name__)

MAX_OTHERS = 3
"""Titles that are shown beside the one which is taken."""
MAX_MISTAKES = 5
"""That a message tells."""
RATINGS = {"user": "str", "item": "str", "title": "str", "rating": "float64"}
"""Columns of a table of ratings, and their types."""


class Given(NamedTuple):
    """One rating as it was written.

    Attributes
    ----------
    user : who rated
    asked, rating : a title or an id, and a number, as text
    places : of both, in messages, such as ``my.csv: row 2 (line 3), column 'title'``
    is_id : whether ``asked`` can be nothing else
    """

    user: str
    asked: str
    rating: str
    places: tuple[str, str]
    is_id: bool = False


class ItemSearch:
    """Items of the item table by title or id; of titles that fit the most rated comes first."""

    def __init__(self, items: pd.DataFrame) -> None:
        self.ids, self.shown = pd.Index(items["item"]), items["shown"].tolist()
        self.n_ratings = items["n_ratings"].tolist()
        self.has_titles = bool(items["title"].notna().any())
        titles, years = items["title"].fillna(items["item"]), items["year"].astype("float64")
        self.titles = Titles(titles.tolist(), years.tolist(), self.n_ratings)

    def find(self, asked: str, *, id_first: bool = False) -> tuple[int, str]:
        """Index of the item that is meant, and how the title was understood if that may differ.

        A text that is both a title and an id is a title, unless ``id_first``.

        Raises
        ------
        ValueError
            If there is no such item; names those that are close.
        """
        asked = asked.strip()
        if not asked:
            raise ValueError("no title or id. Write one, or take the rating out.")
        is_title = self.has_titles and plain(asked) in self.titles.indices
        if asked in self.ids and (id_first or not is_title):
            return int(self.ids.get_loc(asked)), ""
        matches, mistakes = look_up([asked], self.titles, self.shown)
        if mistakes:
            raise ValueError(mistakes[0])
        match = matches[0]
        others = f" (not {'; '.join(match.others[:MAX_OTHERS])})" if match.others else ""
        note = f"{asked!r} is {match.found}{others}" if others or asked != match.found else ""
        return match.index, note


def read_ratings(given: Sequence[Given], search: ItemSearch, scale: Scale) -> pd.DataFrame:
    """What new users' ratings mean: ``user``, ``item``, ``title`` (as shown) and ``rating``.

    Titles that are not written as they are shown are told in the log.

    Raises
    ------
    InputError
        That tells every rating which cannot be used: where it stands, and how to fix it.
    """
    rows, mistakes = [], []
    for entry in given:
        place = entry.places[0]
        try:
            at, note = _find(entry, search)
            place = entry.places[1]
            rating = _number(entry, scale)
        except ValueError as error:
            mistakes.append(f"{place}: {error}")
            continue
        if note:
            logger.info("new users: %s", note)
        rows.append((entry.user, search.ids[at], search.shown[at], rating, entry.places[0]))
    table = pd.DataFrame(rows, columns=[*RATINGS, "place"]).astype(RATINGS)
    for row in table[table.duplicated(["user", "item"])].itertuples():
        mistakes.append(f"{row.place}: {row.title} is rated twice. Keep one rating.")
    if mistakes:
        n_more = len(mistakes) - MAX_MISTAKES
        more = [f"and {n_more:,} more"] if n_more > 0 else []
        raise InputError("\n  ".join(["new users' ratings:", *mistakes[:MAX_MISTAKES], *more]))
    return table[list(RATINGS)]


def _find(entry: Given, search: ItemSearch) -> tuple[int, str]:
    asked = entry.asked.strip()
    if entry.is_id and asked and asked not in search.ids:
        raise ValueError(f"no item has the id {asked!r}. Correct it, or give titles (`title`).")
    at, note = search.find(asked, id_first=entry.is_id)
    if not search.n_ratings[at]:
        raise ValueError(f"nobody has rated {search.shown[at]}, so it tells nothing. Take it out.")
    return at, note


def _number(entry: Given, scale: Scale) -> float:
    text, ends = entry.rating.strip(), f"{scale.lowest:g} to {scale.highest:g}"
    what = f"the rating {text!r} of {entry.asked.strip()!r}"
    try:
        rating = float(text)
    except ValueError:
        raise ValueError(f"{what} is not a number. Write one from {ends}.") from None
    if not scale.lowest <= rating <= scale.highest:
        raise ValueError(f"{what} is outside the scale {ends}. Correct it.")
    return rating
