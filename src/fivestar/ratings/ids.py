"""Ids of users and items as codes: each text is kept once, however often it occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

Codes = NDArray[np.integer]
"""Positions in the categories, one a row."""


def encode(ids: pd.Series) -> pd.Categorical:
    """The ids as codes of their sorted texts.

    Categories may hold ids that do not occur.
    """
    if isinstance(ids.dtype, pd.CategoricalDtype) and _are_sorted_text(ids.cat.categories):
        return pd.Categorical(ids)
    return from_arrow(pa.array(ids.astype("str")))


def from_arrow(ids: pa.Array | pa.ChunkedArray) -> pd.Categorical:
    """The same of an Arrow column of text, a dictionary or not."""
    if isinstance(ids, pa.Array):
        ids = pa.chunked_array([ids])
    if not pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_encode()
    ids = ids.unify_dictionaries()
    words = ids.chunk(0).dictionary if ids.num_chunks else pa.array([], ids.type.value_type)
    chunks = [_codes(chunk) for chunk in ids.chunks] or [np.empty(0, np.int32)]
    codes: Codes = chunks[0] if len(chunks) == 1 else np.concatenate(chunks)
    order = pc.sort_indices(words)
    rank = np.empty(len(words), dtype=np.int32)
    rank[order.to_numpy()] = np.arange(len(words), dtype=np.int32)
    if not np.array_equal(rank, np.arange(len(words))):
        words, codes = words.take(order), np.where(codes < 0, codes, rank[codes])
    categories = pd.Index(words.to_pandas(), dtype="str")
    return pd.Categorical.from_codes(codes, categories, validate=False)


def to_arrow(ids: pd.Series) -> pa.DictionaryArray:
    """The ids as codes of 32 bits and a dictionary of text."""
    encoded = encode(ids)
    codes = pa.array(encoded.codes.astype(np.int32), mask=encoded.codes < 0)
    return pa.DictionaryArray.from_arrays(
        codes, pa.array(encoded.categories.to_numpy(object), pa.string())
    )


def pair_keys(users: Codes, items: Codes, n_items: int) -> NDArray[np.int64]:
    """One number a pair of codes or indices below ``n_items``, the same for equal pairs only.

    >>> pair_keys(np.array([0, 1]), np.array([2, 0]), n_items=3).tolist()
    [2, 3]
    """
    keys = users.astype(np.int64)
    keys *= n_items
    keys += items
    return keys


def grouped(codes: Codes) -> NDArray[np.int32]:
    """Rows in the order of their codes, those of one code in their own order; no sorting."""
    n = len(codes)
    one_a_row = sparse.csr_array(
        (np.empty(n, np.bool_), codes.astype(np.int32), np.arange(n + 1, dtype=np.int32)),
        shape=(n, int(codes.max(initial=-1)) + 1),
    )
    rows: NDArray[np.int32] = one_a_row.tocsc().indices
    return rows


def any_repeats(keys: NDArray[Any]) -> bool:
    """Whether a number occurs more than once."""
    ordered = np.sort(keys)
    return bool((ordered[1:] == ordered[:-1]).any())


def _are_sorted_text(categories: pd.Index) -> bool:
    return categories.dtype == "str" and bool(categories.is_monotonic_increasing)


def _codes(chunk: pa.DictionaryArray) -> Codes:
    """-1 for missing ids."""
    codes = chunk.indices.fill_null(-1) if chunk.null_count else chunk.indices
    found: Codes = codes.to_numpy(zero_copy_only=False)
    return found
