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

    def matrix(self) -> tuple[sparse.csr_array, list[str]]:
        """Zeros and ones, (n_items, n_labels) float32, and the labels of the columns, sorted."""
        from sklearn.preprocessing import MultiLabelBinarizer  # here: half a second to import

        binarizer = MultiLabelBinarizer(sparse_output=True)
        ones = binarizer.fit_transform(self.of_items)
        return sparse.csr_array(ones, dtype=np.float32), binarizer.classes_.tolist()

    def main(self, n: int) -> list[str]:
        """One label for each item, of ``n`` different ones at the most, or ``other``.

        Of an item's labels the rarest says most of it. Labels that are then the main one of
        fewest items are given up, one by one, and their items fall back on their next.
        """
        counts = Counter(label for own in self.of_items for label in own)
        ranked = [sorted(own, key=lambda label: (counts[label], label)) for own in self.of_items]
        while True:
            main = [next((label for label in own if label in counts), OTHER) for own in ranked]
            sizes = Counter(label for label in main if label != OTHER)
            if len(sizes) <= n:
                return main
            del counts[min(sizes, key=lambda label: (sizes[label], counts[label], label))]


def labels_of(items: pd.DataFrame) -> Labels | None:
    """The best labels that a table of items has: lists of words, else decades, else a category."""
    return _lists(items) or _decades(items) or _categories(items)


def described(items: pd.DataFrame) -> list[str]:
    """A few words about each item: its genres, or else its author or the like; may be empty."""
    labels = _lists(items) or _categories(items)
    return [", ".join(own) for own in labels.of_items] if labels else [""] * len(items)


def _lists(items: pd.DataFrame) -> Labels | None:
    """The genres, or another column of lists."""
    for name in sorted(map(str, items), key=lambda name: name != "genres"):
        is_list = items[name].map(pd.api.types.is_list_like)
        if is_list.any():
            kind = "genre" if name == "genres" else name
            cells = zip(items[name], is_list, strict=True)
            return Labels(kind, [[*map(str, cell)] if known else [] for cell, known in cells])
    return None


def _decades(items: pd.DataFrame) -> Labels | None:
    if "year" not in items or items["year"].isna().all():
        return None
    years = items["year"]
    return Labels("decade", [[] if pd.isna(y) else [f"{int(y) // 10 * 10}s"] for y in years])


def _categories(items: pd.DataFrame) -> Labels | None:
    """The first column of texts, beside the titles, of which many items share theirs."""
    for name, cells in items.drop(columns=["title", "shown"], errors="ignore").items():
        known = cells[cells.map(lambda cell: isinstance(cell, str))]
        if 0 < known.nunique() <= len(known) / 2:
            return Labels(str(name), [[c] if isinstance(c, str) else [] for c in cells])
    return None
