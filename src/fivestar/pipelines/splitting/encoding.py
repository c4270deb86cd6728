"""Side tables of users and items into sparse feature matrices."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fivestar.pipelines.ingestion.settings import Feature, IngestionSettings, SideTable
from fivestar.ratings import Features, Vocabulary

logger = logging.getLogger(__name__)

MIN_COUNT = 5
"""Users (or items) with a word, for it to have a column: of rarer ones nothing can be learned."""
MAX_WORDS = 200
"""Columns of one feature, the commonest words first."""
NUMBER_BINS = 8
"""Quantile bins of a number, beside its standardised value."""
YEAR_BINS = 14
"""Quantile bins of a year."""


def encode_features(
    users: pd.DataFrame, items: pd.DataFrame, ids: Vocabulary, settings: IngestionSettings
) -> Features:
    """Features of all users and items of the vocabulary, as the configuration declares their kinds.

    Parameters
    ----------
    users, items
        The cleaned side tables.
    settings
        The kinds of the features; ``text`` is not used.

    Returns
    -------
    Features without columns for a side that has no side table.
    """
    features = Features(
        encode(users, "user", ids.users, settings.users),
        encode(items, "item", ids.items, settings.items),
    )
    n_users, n_items = features.users.shape[1], features.items.shape[1]
    logger.info("features: %d of users, %d of items", n_users, n_items)
    return features


def encode(
    table: pd.DataFrame, name: str, ids: pd.Index, side: SideTable | None
) -> sparse.csr_array:
    """Feature matrix of one side; ids without a row or a value have empty cells."""
    features = {} if side is None else side.features
    rows = table.set_index(name).reindex(ids)
    blocks = [_encode(rows[title], feature) for title, feature in features.items()]
    return _beside([sparse.csr_array((len(ids), 0)), *blocks]).astype(np.float32)


def _encode(cells: pd.Series, feature: Feature) -> sparse.csr_array:
    match feature.kind:
        case "number":
            values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
            return _beside([_standardised(values), _binned(values, NUMBER_BINS)])
        case "year":
            return _binned(cells.to_numpy(dtype=np.float64, na_value=np.nan), YEAR_BINS)
        case "category" | "categories":
            return _words(cells)
        case _:
            return sparse.csr_array((len(cells), 0))


def _standardised(values: NDArray[np.float64]) -> sparse.csr_array:
    """One column of mean 0 and variance 1; none where all values are the same."""
    given = np.flatnonzero(np.isfinite(values))
    deviation = np.std(values[given]) if len(given) else 0.0
    if not deviation > 0:
        return sparse.csr_array((len(values), 0))
    scaled = (values[given] - values[given].mean()) / deviation
    return _sparse(given, np.zeros_like(given), scaled, (len(values), 1))


def _binned(values: NDArray[np.float64], n_bins: int) -> sparse.csr_array:
    """One-hot of the bin between two quantiles; equal quantiles make one bin."""
    given = np.flatnonzero(np.isfinite(values))
    if not len(given):
        return sparse.csr_array((len(values), 0))
    edges = np.unique(np.quantile(values[given], np.linspace(0, 1, n_bins + 1)[1:-1]))
    edges = edges[edges > values[given].min()]
    bins = np.searchsorted(edges, values[given], side="right")
    return _sparse(given, bins, np.ones(len(given)), (len(values), len(edges) + 1))


def _words(cells: pd.Series) -> sparse.csr_array:
    """One column a word, 1 / sqrt(number of the row's words) in each."""
    words = cells.reset_index(drop=True).explode().dropna()
    counts = words.value_counts()
    common = counts[counts >= MIN_COUNT].head(MAX_WORDS).index.sort_values()
    words = words[words.isin(common)]
    rows = words.index.to_numpy()
    values = 1 / np.sqrt(np.bincount(rows, minlength=len(cells))[rows])
    return _sparse(rows, common.get_indexer(pd.Index(words)), values, (len(cells), len(common)))


def _beside(blocks: list[sparse.csr_array]) -> sparse.csr_array:
    matrix: sparse.csr_array = sparse.hstack(blocks, format="csr")
    return matrix


def _sparse(
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    values: NDArray[np.float64],
    shape: tuple[int, int],
) -> sparse.csr_array:
    return sparse.coo_array((values, (rows, columns)), shape=shape).tocsr()
