"""One table of the items: what is known of them, how often and how well they are rated."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fivestar.ratings.titles import shown_titles
from fivestar.ratings.training_data import TrainingData


def item_table(items: pd.DataFrame, data: TrainingData) -> pd.DataFrame:
    """One row an item of the vocabulary, in the order of its indices.

    Parameters
    ----------
    items
        The cleaned side table: ``item`` and any features, such as ``title``, ``year``, ``genres``.

    Returns
    -------
    The side table's columns (``title`` and ``year`` in any case, missing where they are not
    known), then ``shown`` (the title with its year, or the id), ``n_ratings`` and
    ``mean_rating`` in train and validation (NaN without a rating).
    """
    ids = data.vocabulary.items
    table = items.drop_duplicates("item").set_index("item").reindex(ids)
    table.index.name = "item"
    table = table.reset_index().astype({"item": "str"})
    for name, dtype in (("title", "str"), ("year", "Int64")):
        if name not in table:
            table[name] = pd.Series(pd.NA, index=table.index, dtype=dtype)
    counts = data.n_ratings.to_numpy()
    sums = sum(
        np.bincount(part.indices, part.data, minlength=len(ids))
        for part in (data.train, data.validation)
    )
    means = np.divide(sums, counts, out=np.full(len(ids), np.nan), where=counts > 0)
    return table.assign(shown=shown_titles(table, ids), n_ratings=counts, mean_rating=means)
