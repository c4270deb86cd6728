"""What users or items can be chosen by: categories out of any side table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fivestar.pipelines.exploration.bins import in_bins, nice_step, ordered

MOST_FEATURES = 4
"""The first ones of a table: more would fill no page."""
MOST_BINS = 10
"""Of a number."""
UNKNOWN = "(not known)"
OTHER = "(other)"


def categories(table: pd.DataFrame, most_categories: int) -> pd.DataFrame:
    """The columns that are categories, or can be made some, of a side table.

    A list of words stays a list; beyond the commonest ones a word is ``(other)``. A number is
    cut into about ten round bins between its first and its last percentile, unless it takes
    few values. Text is a category if it takes two values or more, at most ``most_categories``,
    and each stands for two rows or more on average: so titles, names, places and zip codes are
    left out.

    Parameters
    ----------
    table
        Features, without ids and titles.

    Returns
    -------
    categories
        Text lists, or categories in the order in which they are shown; a missing value is
        ``(not known)``.
    """
    made: dict[str, pd.Series] = {}
    for name, cells in table.items():
        column = _category(cells, most_categories)
        if column is not None and len(made) < MOST_FEATURES:
            made[str(name)] = column
    return pd.DataFrame(made, index=table.index)


def is_list(cells: pd.Series) -> bool:
    """Whether a column holds lists of words (or the arrays that Parquet makes of them)."""
    return any(isinstance(cell, list | np.ndarray) for cell in cells if cells.dtype == object)


def shown_order(cells: pd.Series) -> list[str]:
    """Categories of a column as they are shown; of lists, the commonest word first."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        return [str(value) for value in cells.cat.categories]
    words = _by_count(cells.explode())
    return sorted(words, key=lambda word: word in (OTHER, UNKNOWN))


def _category(cells: pd.Series, most: int) -> pd.Series | None:
    given = cells.dropna()
    if is_list(cells):
        return _listed(cells, most)
    if given.nunique() < 2:
        return None
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        return _named(_binned(cells))
    text = cells.astype("str")
    if not 2 * text.nunique() <= len(given) or text.nunique() > most:
        return None
    return _named(pd.Series(pd.Categorical(text, _by_count(text)), index=cells.index))


def _listed(cells: pd.Series, most: int) -> pd.Series | None:
    """Lists with at least one word each."""
    words = cells.explode().dropna()
    common = set(_by_count(words)[:most])
    if len(common) < 2:
        return None

    def kept(row: object) -> list[str]:
        given = row if isinstance(row, list | np.ndarray) else []
        return list(dict.fromkeys(w if w in common else OTHER for w in given)) or [UNKNOWN]

    return cells.map(kept)


def _binned(cells: pd.Series) -> pd.Series:
    numbers = cells.astype("Float64").astype("float64")
    given = numbers.dropna()
    whole = bool((given == given.round()).all())
    low, high = given.quantile([0.01, 0.99])
    step = nice_step(max(high - low, 1e-6), MOST_BINS, whole=whole)
    if given.nunique() <= MOST_BINS:
        values = np.sort(given.unique())
        labels = [f"{value:.10g}" for value in values]
        places = np.where(numbers.isna(), np.nan, np.searchsorted(values, numbers))
        return ordered(places, labels, cells.index)
    return in_bins(numbers, step * np.floor(low / step), high, step, whole=whole)


def _named(cells: pd.Series) -> pd.Series:
    """With a category for missing values, the last one, where there are any."""
    if not cells.isna().any():
        return cells
    return cells.cat.add_categories(UNKNOWN).fillna(UNKNOWN)


def _by_count(words: pd.Series) -> list[str]:
    """Different words, the commonest first."""
    counts = words.value_counts().rename_axis("word").reset_index(name="n")
    return [
        str(word) for word in counts.sort_values(["n", "word"], ascending=[False, True])["word"]
    ]
