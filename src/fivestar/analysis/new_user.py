"""Ratings of new users, as people write them: titles or ids, and numbers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fivestar.errors import InputError
from fivestar.ratings import Scale
from fivestar.ratings.titles import Titles, look_up, plain

logger = logging.getLogger(__name__)

OTHERS = 3
"""Titles that are shown beside the one which is taken."""
SHOWN = 5
"""Mistakes that a message tells."""
RATINGS = {"user": "str", "item": "str", "title": "str", "rating": "float64"}
"""Columns of a table of ratings, and their types."""


@dataclass(frozen=True)
class Given:
    """One rating as it was written.

    Attributes
    ----------
    user : who rated
    asked : a title or an id
    rating : text
    where : in a message, such as ``my.csv: row 2 (line 3)``
    columns : of ``asked`` (ids stand in ``item``) and ``rating``, where they have names
    """

    user: str
    asked: str
    rating: str
    where: str
    columns: tuple[str, str] | None = None

    def mistake(self, column: int, what: object) -> str:
        """The sentence, with the place in front."""
        named = "" if self.columns is None else f", column {self.columns[column]!r}"
        return f"{self.where}{named}: {what}"


class ItemSearch:
    """Items by title or id.

    Parameters
    ----------
    items
        The item table: of titles that fit equally well the most rated comes first.
    """

    def __init__(self, items: pd.DataFrame) -> None:
        self.ids, self.shown = pd.Index(items["item"]), items["shown"].tolist()
        self.n_ratings = items["n_ratings"].tolist()
        self.has_titles = bool(items["title"].notna().any())
        self.titles = Titles(
            items["title"].fillna(items["item"]).tolist(),
            items["year"].astype("float64").tolist(),
            self.n_ratings,
        )

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
        is_title = self.has_titles and plain(asked) in self.titles.positions
        if asked in self.ids and (id_first or not is_title):
            return int(self.ids.get_loc(asked)), ""
        matches, mistakes = look_up([asked], self.titles, self.shown)
        if mistakes:
            raise ValueError(mistakes[0])
        match = matches[0]
        others = f" (not {'; '.join(match.others[:OTHERS])})" if match.others else ""
        note = f"{asked!r} is {match.found}{others}" if others or asked != match.found else ""
        return match.position, note


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
        column = 0
        try:
            at, note = _find(entry, search)
            if not search.n_ratings[at]:
                raise ValueError(
                    f"nobody has rated {search.shown[at]}, so it tells nothing. Take it out."
                )
            column = 1
            rating = _number(entry, scale)
        except ValueError as error:
            mistakes.append(entry.mistake(column, error))
            continue
        if note:
            logger.info("new users: %s", note)
        rows.append((entry.user, search.ids[at], search.shown[at], rating, entry.mistake(0, "")))
    table = pd.DataFrame(rows, columns=[*RATINGS, "where"]).astype(RATINGS)
    for row in table[table.duplicated(["user", "item"])].itertuples():
        mistakes.append(f"{row.where}{row.title} is rated twice. Keep one rating.")
    if mistakes:
        more = f"\n  and {len(mistakes) - SHOWN:,} more" if len(mistakes) > SHOWN else ""
        raise InputError("new users' ratings:\n  " + "\n  ".join(mistakes[:SHOWN]) + more)
    return table[list(RATINGS)]


def _find(entry: Given, search: ItemSearch) -> tuple[int, str]:
    by_id = entry.columns is not None and entry.columns[0] == "item"
    asked = entry.asked.strip()
    if by_id and asked and asked not in search.ids:
        raise ValueError(f"no item has the id {asked!r}. Correct it, or give titles (`title`).")
    return search.find(asked, id_first=by_id)


def _number(entry: Given, scale: Scale) -> float:
    text, of = entry.rating.strip(), entry.asked.strip()
    ends = f"{scale.lowest:g} to {scale.highest:g}"
    try:
        rating = float(text)
    except ValueError:
        raise ValueError(
            f"the rating {text!r} of {of!r} is not a number. Write one from {ends}."
        ) from None
    if not scale.lowest <= rating <= scale.highest:
        raise ValueError(f"the rating {text} of {of!r} is outside the scale {ends}. Correct it.")
    return rating
