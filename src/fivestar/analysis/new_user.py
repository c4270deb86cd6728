"""Ratings of people who are new, as they write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fivestar.ratings import Scale
from fivestar.ratings.titles import Titles, look_up, plain, shown_titles

OTHERS = 3
"""Titles that are shown beside the one which is taken."""


@dataclass(frozen=True)
class Given:
    """One rating as it was written.

    Attributes
    ----------
    person : who rated
    asked : a title or an id
    rating : text
    where : in a message, such as ``my.csv: row 2 (line 3)``
    columns : of ``asked`` (ids stand in ``item``) and ``rating``, where they have names
    """

    person: str
    asked: str
    rating: str
    where: str
    columns: tuple[str, str] | None = None

    @property
    def is_id(self) -> bool:
        return self.columns is not None and self.columns[0] == "item"

    def mistake(self, column: int, what: str) -> str:
        """The sentence, with the place in front."""
        named = "" if self.columns is None else f", column {self.columns[column]!r}"
        return f"{self.where}{named}: {what}"


class Reader:
    """What new people's ratings mean.

    Parameters
    ----------
    items
        The side table: ``item`` and, where there are any, ``title`` and ``year``.
    n_ratings
        Of the items that the models know of, by id; of titles that fit the most rated comes
        first.
    scale
        Of the stars.
    """

    def __init__(self, items: pd.DataFrame, n_ratings: pd.Series, scale: Scale) -> None:
        self.ids = pd.Index(items["item"])
        self.has_titles = "title" in items
        counts = n_ratings.reindex(self.ids).fillna(0).tolist()
        titles = items["title"] if self.has_titles else items["item"]
        years = items["year"] if "year" in items else pd.Series(float("nan"), index=items.index)
        self.titles = Titles(
            titles.astype("str").fillna(items["item"]).tolist(),
            years.astype("float64").tolist(),
            counts,
        )
        self.shown = shown_titles(items, self.ids)
        self.known = self.ids.isin(n_ratings.index)
        self.scale = scale

    def read(self, given: Sequence[Given]) -> tuple[pd.DataFrame, list[str], list[str]]:
        """The ratings, and what is to mend.

        Returns
        -------
        ratings
            ``user``, ``item``, ``title`` (as shown) and ``rating``.
        notes
            How titles were understood that are not written as they are shown.
        mistakes
            Sentences; if there are any, the ratings are not to be used.
        """
        rows, notes, mistakes = [], [], []
        for entry in given:
            column = 0
            try:
                at, note = self._item(entry)
                column = 1
                stars = self._stars(entry)
            except ValueError as error:
                mistakes.append(entry.mistake(column, str(error)))
                continue
            rows.append((entry.person, self.ids[at], self.shown[at], stars, entry.mistake(0, "")))
            notes += [note] if note else []
        table = pd.DataFrame(rows, columns=["user", "item", "title", "rating", "where"])
        table = table.astype({"user": "str", "item": "str", "title": "str", "rating": "float64"})
        for row in table[table.duplicated(["user", "item"])].itertuples():
            mistakes.append(f"{row.where}{row.title} is rated twice. Keep one rating.")
        return table.drop(columns="where"), notes, mistakes

    def _item(self, entry: Given) -> tuple[int, str]:
        """Position in the side table, and how the title was understood."""
        asked = entry.asked.strip()
        if not asked:
            raise ValueError("no title or id. Write one, or take the rating out.")
        is_title = self.has_titles and plain(asked) in self.titles.positions
        if asked in self.ids and (entry.is_id or not is_title):
            return self._rated(int(self.ids.get_loc(asked))), ""
        if entry.is_id:
            raise ValueError(f"no item has the id {asked!r}. Mend it, or give titles (`title`).")
        matches, mistakes = look_up([asked], self.titles, self.shown)
        if mistakes:
            raise ValueError(mistakes[0])
        match = matches[0]
        others = f" (not {'; '.join(match.others[:OTHERS])})" if match.others else ""
        note = f"{asked!r} is {match.found}{others}" if others or asked != match.found else ""
        return self._rated(match.position), note

    def _rated(self, at: int) -> int:
        if not self.known[at]:
            raise ValueError(
                f"nobody has rated {self.shown[at]}, so it tells nothing. Take it out."
            )
        return at

    def _stars(self, entry: Given) -> float:
        lowest, highest = self.scale.lowest, self.scale.highest
        try:
            stars = float(entry.rating)
        except ValueError:
            raise ValueError(
                f"the rating {entry.rating.strip()!r} of {entry.asked.strip()!r} is not a number. "
                f"Write one from {lowest:g} to {highest:g}."
            ) from None
        if not lowest <= stars <= highest:
            raise ValueError(
                f"the rating {entry.rating.strip()} of {entry.asked.strip()!r} is outside the "
                f"scale {lowest:g} to {highest:g}. Mend it."
            )
        return stars
