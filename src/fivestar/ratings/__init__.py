"""Ratings as numbers: ids and indices, sparse matrices, the scale, side features, titles."""

from fivestar.ratings.features import Features
from fivestar.ratings.matrix import (
    Positions,
    Scale,
    Vocabulary,
    csr_matrix,
    merge,
    observed,
)

__all__ = [
    "Features",
    "Positions",
    "Scale",
    "Vocabulary",
    "csr_matrix",
    "merge",
    "observed",
]
