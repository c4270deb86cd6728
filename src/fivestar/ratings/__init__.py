"""Ratings as numbers: ids and indices, sparse matrices, the scale, side features, titles."""

from fivestar.ratings.context import Context, Times, times_of
from fivestar.ratings.described_split import DescribedSplit
from fivestar.ratings.features import Features
from fivestar.ratings.items import item_table
from fivestar.ratings.scale import Scale
from fivestar.ratings.sparse import (
    Counts,
    Indices,
    csr_matrix,
    merge,
    observed,
    observed_at,
    observed_in_blocks,
    row_sums,
    with_values,
)
from fivestar.ratings.training_data import TrainingData
from fivestar.ratings.vocabulary import Vocabulary

__all__ = [
    "Context",
    "Counts",
    "DescribedSplit",
    "Features",
    "Indices",
    "Scale",
    "Times",
    "TrainingData",
    "Vocabulary",
    "csr_matrix",
    "item_table",
    "merge",
    "observed",
    "observed_at",
    "observed_in_blocks",
    "row_sums",
    "times_of",
    "with_values",
]
