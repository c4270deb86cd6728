"""What is known of items beside their ratings, as labels to colour and to compare by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

OTHER = "other"


@dataclass(frozen=True)
class Labels:
    """Labels of one kind.

    Attributes
    ----------
    kind
        ``genre``, ``decade``, or a column's name.
    of_items
        The labels of each item; none where nothing is known.
    """

    kind: str
    of_items: list[list[str]]

    def matrix(self) -> sparse.csr_array:
        """(n_items, n_labels) zeros and ones, float32; columns are ``names``."""
        place = {name: n for n, name in enumerate(self.names)}
        distinct = [sorted(set(own)) for own in self.of_items]
        columns = [place[label] for own in distinct for label in own]
        starts = np.cumsum([0, *map(len, distinct)])
        ones = np.ones(len(columns), dtype=np.float32)
        shape = len(self.of_items), len(place)
        return sparse.csr_array((ones, columns, starts), shape=shape)

    @property
    def names(self) -> list[str]:
        return sorted({label for own in self.of_items for label in own})

    def main(self, n: int) -> list[str]:
        """One label for each item, of ``n`` different ones at the most, or ``other``.

        Of an item's labels the rarest says most of it. Labels that are then the main one of
        fewest items are given up, one by one, and their items fall back on their next.
        """
        counts = Counter(label for own in self.of_items for label in own)
        ranked = [
            sorted(set(own), key=lambda label: (counts[label], label)) for own in self.of_items
        ]
        given_up: set[str] = set()
        while True:
            main = [
                next((label for label in own if label not in given_up), OTHER) for own in ranked
            ]
            sizes = Counter(label for label in main if label != OTHER)
            if len(sizes) <= n:
                return main
            given_up.add(min(sizes, key=lambda label: (sizes[label], counts[label], label)))


def labels_of(items: pd.DataFrame, ids: pd.Index) -> Labels | None:
    """The best labels that a side table has: a list of words, else the decade, else a category.

    Parameters
    ----------
    items
        ``item``, and any other columns.
    ids
        The items wanted, in this order.
    """
    known = items.drop_duplicates("item").set_index("item").reindex(ids)
    if (column := _list_column(known)) is not None:
        kind = "genre" if column == "genres" else column
        return Labels(kind, [_words(cell) for cell in known[column]])
    if "year" in known and known["year"].notna().any():
        return Labels("decade", [_decade(year) for year in known["year"]])
    if (column := _category_column(known)) is not None:
        return Labels(column, [[cell] if isinstance(cell, str) else [] for cell in known[column]])
    return None


def said_of(items: pd.DataFrame, ids: pd.Index) -> list[str]:
    """A few words about each item: its genres, or else its author or the like; may be empty."""
    known = items.drop_duplicates("item").set_index("item").reindex(ids)
    if (column := _list_column(known)) is not None:
        return [", ".join(_words(cell)) for cell in known[column]]
    if (column := _category_column(known)) is not None:
        return [cell if isinstance(cell, str) else "" for cell in known[column]]
    return [""] * len(ids)


def _list_column(known: pd.DataFrame) -> str | None:
    columns = sorted(map(str, known), key=lambda name: name != "genres")
    return next(
        (name for name in columns if known[name].map(pd.api.types.is_list_like).any()), None
    )


def _category_column(known: pd.DataFrame) -> str | None:
    """The first column of texts, beside the title, of which many items share theirs."""
    for name in known:
        texts = known[name][known[name].map(lambda cell: isinstance(cell, str))]
        if name != "title" and 0 < texts.nunique() <= len(texts) / 2:
            return str(name)
    return None


def _words(cell: object) -> list[str]:
    return [str(word) for word in cell] if isinstance(cell, list | tuple | np.ndarray) else []


def _decade(year: float) -> list[str]:
    return [] if pd.isna(year) else [f"{int(year) // 10 * 10}s"]
