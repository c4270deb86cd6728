"""Positions as tables that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from fivestar.metrics.calibration import Probabilistic
from fivestar.models import Model
from fivestar.ratings import Positions
from fivestar.ratings.titles import shown_titles

COLUMNS = {
    "user": "str",
    "rank": "int64",
    "item": "str",
    "title": "str",
    "year": "Int64",
    "prediction": "float32",
    "lower": "float32",
    "upper": "float32",
}
"""Of a table of recommendations, and their types."""


class Catalogue:
    """Titles and years of the items by position.

    Parameters
    ----------
    items
        The side table: ``item`` and, where there are any, ``title`` and ``year``.
    ids
        Of the items, in the order of their positions.
    """

    def __init__(self, items: pd.DataFrame, ids: pd.Index) -> None:
        known = items.drop_duplicates("item").set_index("item").reindex(ids)
        known = known.reindex(columns=["title", "year"])
        titles = known["title"].astype("str")
        self.ids = ids
        self.titles = titles.mask(titles == "").fillna(pd.Series(ids, index=ids, dtype="str"))
        self.years = known["year"].astype("Int64")

    def of(self, positions: Positions) -> dict[str, pd.Series]:
        """Columns ``item``, ``title`` and ``year``."""
        return {
            "item": pd.Series(self.ids[positions], dtype="str"),
            "title": self.titles.iloc[positions].reset_index(drop=True),
            "year": self.years.iloc[positions].reset_index(drop=True),
        }


def recommendation_table(
    model: Model,
    users: Positions,
    user_ids: pd.Index,
    lists: Positions,
    catalogue: Catalogue,
    coverage: float,
) -> pd.DataFrame:
    """The lists with titles, years, predicted stars and, where there are any, intervals.

    Parameters
    ----------
    users
        (n_users,) positions in the model.
    user_ids
        (n_users,) their ids.
    lists
        (n_users, n) positions of items, the best first; -1 is none.

    Returns
    -------
    A table with ``COLUMNS``; ``lower`` and ``upper`` are missing of a model without intervals.
    """
    rows, places = np.nonzero(lists >= 0)
    items = lists[rows, places]
    pairs = users[rows], items
    lower = upper = np.full(len(items), np.nan, dtype=np.float32)
    if isinstance(model, Probabilistic):
        lower, upper = model.predict_interval(*pairs, coverage)
    columns = {
        "user": pd.Series(user_ids[rows], dtype="str"),
        "rank": places + 1,
        **catalogue.of(items),
        "prediction": model.predict(*pairs),
        "lower": lower,
        "upper": upper,
    }
    return pd.DataFrame(columns).astype(COLUMNS)


def empty(columns: Mapping[str, str]) -> pd.DataFrame:
    """A table without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in columns.items()})


def read_out(table: pd.DataFrame, n: int) -> Iterator[tuple[str, str]]:
    """The first n users, and their recommendations as lines of text."""
    for user in table["user"].unique()[:n]:
        own = table[table["user"] == user]
        shown = shown_titles(own, pd.Index(own["item"]))
        numbers = own[["rank", "prediction", "lower", "upper"]].values.tolist()
        lines = []
        for (rank, stars, lower, upper), title in zip(numbers, shown, strict=True):
            likely = "" if pd.isna(lower) else f"  {lower:3.2g} to {upper:<3.2g}"
            lines.append(f"  {rank:4.0f}  {stars:5.2f}{likely}  {title}")
        yield str(user), "\n".join(lines)
