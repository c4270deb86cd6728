"""What is known of each rating beside its value: when it was given, and how much it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from fivestar.ratings.sparse import csr_matrix, merge
from fivestar.ratings.vocabulary import Vocabulary

COLUMNS = {"times": "timestamp", "weights": "weight"}
"""Attributes of a context, and their columns in tables of ratings."""
Times = NDArray[np.float64]
"""Seconds since 1970, one a pair; NaN where the time is not known."""


@dataclass(frozen=True)
class Context:
    """Times and weights of a matrix of ratings, each stored at the same entries as the ratings.

    Attributes
    ----------
    times : (n_users, n_items) CSR float64, seconds since 1970
    weights : (n_users, n_items) CSR float64, positive; a rating of weight 2 counts as two
    """

    times: sparse.csr_array | None = None
    weights: sparse.csr_array | None = None

    @classmethod
    def of(cls, table: pd.DataFrame, ids: Vocabulary) -> Context:
        """From the columns ``timestamp`` and ``weight`` of a table, where it has them."""
        pairs = ids.indices(table)
        return cls(
            **{
                name: csr_matrix(*pairs, table[column].to_numpy(), ids.shape, np.float64)
                for name, column in COLUMNS.items()
                if column in table
            }
        )

    @property
    def matrices(self) -> dict[str, sparse.csr_array]:
        """Those that there are, by name."""
        return {name: getattr(self, name) for name in COLUMNS if getattr(self, name) is not None}

    def of_entries(self, change: Callable[[sparse.csr_array], sparse.csr_array]) -> Context:
        """The context of ratings that were changed in this way: of some users, for instance."""
        return Context(**{name: change(matrix) for name, matrix in self.matrices.items()})

    def merged(self, other: Context) -> Context:
        """The context of two disjoint parts together: what both parts have."""
        both = self.matrices.keys() & other.matrices.keys()
        return Context(**{name: merge(getattr(self, name), getattr(other, name)) for name in both})


def times_of(pairs: pd.DataFrame) -> Times | None:
    """Times of the pairs in a table; None where it has no ``timestamp``."""
    column = COLUMNS["times"]
    return pairs[column].to_numpy(dtype=np.float64) if column in pairs else None
