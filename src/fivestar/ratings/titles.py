"""Items by their titles, however these are written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

CLOSE = 75
"""Least similarity (``rapidfuzz.fuzz.ratio``, 0 to 100) that passes for a slip of the pen."""
VAGUE = 45
"""Least similarity of a suggestion where nothing is close."""
ARTICLES = "the|a|an|le|la|les|l|un|une|der|die|das|el|los|las|il|lo|gli|i"
YEAR = re.compile(r"\s*(?:\((\d{4})\)|\b((?:18|19|20)\d\d))\s*$")


@dataclass(frozen=True)
class Found:
    """Indices of titles that fit, the best first; or else of those that are vaguely similar."""

    fitting: list[int]
    suggestions: list[int]


class Titles:
    """A list of titles to look titles up in.

    Parameters
    ----------
    titles
        As they are, such as ``Matrix, The (1999)`` or ``City of God (Cidade de Deus) (2002)``;
        each name of several is found.
    years
        Of the items, NaN where it is not known; the year at a title's end is read by itself.
    weights
        Where titles fit equally well the largest weight comes first, the likes for instance.
    """

    def __init__(
        self, titles: Sequence[str], years: Sequence[float], weights: Sequence[float]
    ) -> None:
        self.years = [
            float(in_title) if (in_title := split_year(title)[1]) else year
            for title, year in zip(titles, years, strict=True)
        ]
        self.weights = weights
        self.indices: dict[str, list[int]] = {}
        for index, title in enumerate(titles):
            for name in set(_names(title)):
                self.indices.setdefault(name, []).append(index)

    def find(self, asked: str, n: int = 6) -> Found:
        """Titles of this name, then those that hold it as words; similar ones where there are none.

        Case, accents, punctuation, a leading or trailing article and small slips do not count.
        A year decides among titles that fit equally well.
        """
        text, year = split_year(asked)
        whole, name = plain(asked), plain(text)
        if not name:
            return Found([], [])
        names = self.indices
        fitting = [
            *self._ordered([whole], year),
            *self._ordered([name], year),
            *self._ordered([key for key in names if f"{key} ".startswith(f"{name} ")], year),
            *self._ordered([key for key in names if f" {name} " in f" {key} "], year),
        ] or self._similar(name, year, n, CLOSE)
        suggestions = [] if fitting else self._similar(name, year, n, VAGUE)
        return Found(*(list(dict.fromkeys(found))[:n] for found in (fitting, suggestions)))

    def _similar(self, name: str, year: str | None, n: int, least: float) -> list[int]:
        """Titles similar to the name, as a whole or by as many words from their start."""
        # Imported here: few titles need it, and every command imports this module.
        from rapidfuzz import fuzz, process

        by_start: dict[str, list[str]] = {}
        for key in self.indices:
            for start in {key, " ".join(key.split()[: len(name.split())])}:
                by_start.setdefault(start, []).append(key)
        close = process.extract(
            name, list(by_start), scorer=fuzz.ratio, score_cutoff=least, limit=n
        )
        return [i for start, *_ in close for i in self._ordered(by_start[start], year)]

    def _ordered(self, keys: Sequence[str], year: str | None) -> list[int]:
        indices = {i for key in keys for i in self.indices.get(key, ())}
        wanted = float(year) if year else None
        return sorted(indices, key=lambda i: (self.years[i] != wanted, -self.weights[i], i))


def shown_titles(items: pd.DataFrame, ids: pd.Index) -> list[str]:
    """Titles of items with their year, as people write them; the id where there is no title.

    Parameters
    ----------
    items
        ``item`` and, where the data set has them, ``title`` and ``year``.
    ids
        The items wanted, in this order.
    """
    known = items.drop_duplicates("item").set_index("item").reindex(ids)
    if "title" not in known:
        return [str(item) for item in ids]
    years = known["year"] if "year" in known else pd.Series(pd.NA, index=known.index)
    return [
        _shown(title, year) if isinstance(title, str) and title else str(item)
        for item, title, year in zip(ids, known["title"], years, strict=True)
    ]


def _shown(title: str, year: float) -> str:
    return title if pd.isna(year) or split_year(title)[1] else f"{title} ({year:.0f})"


@dataclass(frozen=True)
class Match:
    """A title as it was asked for, the item that is meant, and others that it may have meant.

    Attributes
    ----------
    asked : as written
    index, found : index and title of the item
    others : titles of other items that fit
    """

    asked: str
    index: int
    found: str
    others: list[str]


def look_up(
    asked: Sequence[str], titles: Titles, shown: Sequence[str]
) -> tuple[list[Match], list[str]]:
    """What each title means.

    Parameters
    ----------
    asked
        Titles, or parts of them.
    titles, shown
        Of all items: to search in, and as they are shown.

    Returns
    -------
    matches
        One for each title that is found.
    mistakes
        A sentence for each that is not, with suggestions.
    """
    matches, mistakes = [], []
    for title in asked:
        found = titles.find(title)
        if found.fitting:
            meant, *others = found.fitting
            matches.append(Match(title, meant, shown[meant], [shown[i] for i in others]))
            continue
        near = ", ".join(shown[i] for i in found.suggestions)
        advice = f"did you mean one of: {near}?" if near else "nothing is like it."
        mistakes.append(f"{title!r}: no such title; {advice}")
    return matches, mistakes


def split_year(title: str) -> tuple[str, str | None]:
    """A title and the year at its end, in brackets or bare; a year alone is a title.

    >>> split_year("Alien (1979)")
    ('Alien', '1979')
    >>> split_year("1984")
    ('1984', None)
    """
    match = YEAR.search(title)
    if match is None or not title[: match.start()].strip():
        return title, None
    return title[: match.start()], match[1] or match[2]


def plain(title: str) -> str:
    """Lower case, no accents, no punctuation, no article before or after.

    >>> plain("Misérables, Les")
    'miserables'
    """
    letters = unicodedata.normalize("NFKD", title.casefold().replace("&", " and "))
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    letters = letters.replace("\u2019", "'").strip()
    letters = re.sub(rf"(?<=\w),\s*(?:{ARTICLES})'?$", "", letters)
    words = " ".join(re.findall(r"\w+", re.sub(r"(?<=\w\w)'(?=\w)", "", letters)))
    return re.sub(rf"^(?:{ARTICLES}) (?=\w)", "", words)


def _names(title: str) -> Iterator[str]:
    """Every name of a title: with its brackets, without them, and what each holds."""
    text, _ = split_year(title)
    inside = re.findall(r"\(([^()]*)\)", text)
    outside = re.sub(r"\([^()]*\)", " ", text)
    for name in (text, outside, *(re.sub(r"^\s*a\.k\.a\.", "", name) for name in inside)):
        key = plain(name.strip())
        if key:
            yield key
