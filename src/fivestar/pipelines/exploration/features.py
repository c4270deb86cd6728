"""What users or items can be chosen by: categories out of any side table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fivestar.pipelines.exploration.bins import cut, edges, round_step

MAX_FEATURES = 4
"""The first ones of a table: more would fill no page."""
MAX_BINS = 10
"""Of a number."""
UNKNOWN = "(not known)"
OTHER = "(other)"


def categories(table: pd.DataFrame, max_categories: int) -> pd.DataFrame:
    """The columns that are categories, or can be made some, of a side table.

    A list of words stays a list; beyond the commonest ones a word is ``(other)``. A number is
    cut into about ten round bins between its first and its last percentile, unless it takes
    few values. Text is a category if it takes two values or more, at most ``max_categories``,
    and each stands for two rows or more on average: so titles, names, places and zip codes are
    left out. Categories are in the order in which they are shown; a missing value is
    ``(not known)``.
    """
    columns = {str(name): _category(cells, max_categories) for name, cells in table.items()}
    found = [(name, column) for name, column in columns.items() if column is not None]
    return pd.DataFrame(dict(found[:MAX_FEATURES]), index=table.index)


def is_list(cells: pd.Series) -> bool:
    """Whether a column holds lists of words (or the arrays that Parquet makes of them)."""
    return any(isinstance(cell, list | np.ndarray) for cell in cells if cells.dtype == object)


def shown_order(cells: pd.Series) -> list[str]:
    """Categories of a column as they are shown; of lists, the commonest word first."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        return [str(value) for value in cells.cat.categories]
    return sorted(_by_count(cells.explode()), key=lambda word: word in (OTHER, UNKNOWN))


def _category(cells: pd.Series, max_categories: int) -> pd.Series | None:
    given = cells.dropna()
    if is_list(cells):
        return _listed(cells, max_categories)
    if given.nunique() < 2:
        return None
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        found = _binned(cells.astype("Float64").astype("float64"))
    else:
        text = cells.astype("str")
        if not 2 * text.nunique() <= len(given) or text.nunique() > max_categories:
            return None
        found = pd.Series(pd.Categorical(text, _by_count(text)), index=cells.index)
    return found.cat.add_categories(UNKNOWN).fillna(UNKNOWN) if found.isna().any() else found


def _listed(cells: pd.Series, max_categories: int) -> pd.Series | None:
    """Lists with at least one word each."""
    common = set(_by_count(cells.explode().dropna())[:max_categories])
    if len(common) < 2:
        return None

    def kept(row: object) -> list[str]:
        given = row if isinstance(row, list | np.ndarray) else []
        return list(dict.fromkeys(w if w in common else OTHER for w in given)) or [UNKNOWN]

    return cells.map(kept)


def _binned(numbers: pd.Series) -> pd.Series:
    given = numbers.dropna()
    if given.nunique() <= MAX_BINS:
        labels = [f"{value:.10g}" for value in sorted(given.unique())]
        written = numbers.map("{:.10g}".format, na_action="ignore")
        return pd.Series(pd.Categorical(written, labels), index=numbers.index)
    whole = bool((given == given.round()).all())
    low, high = given.quantile([0.01, 0.99])
    step = round_step(high - low, MAX_BINS, whole=whole)
    return cut(numbers, edges(step * np.floor(low / step), high + whole, step), whole=whole)


def _by_count(words: pd.Series) -> list[str]:
    """Different words, the commonest first."""
    counts = words.value_counts(sort=False).sort_index()
    return counts.sort_values(ascending=False, kind="stable").index.astype("str").tolist()
