"""Ridge regressions of each person's (or item's) ratings, many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray

BUDGET = 1 << 14
"""Padded ratings in a bucket of rows: bounds the memory of the gathered design."""
GRAMS = 1 << 24
"""Entries of a bucket's Gram matrices, at the most."""
LONGEST = 1 << 13
"""Ratings of a row that are summed at a time: float32 sums of more would lose digits."""
PADDING = 1.15
"""Longest over shortest row of a bucket, about."""
JITTER = 1e-6
"""Least ridge as a share of the Gram matrix's trace: below it float32 Cholesky may fail."""
LEAST = 1e-30
"""Least ridge where the Gram matrix is zero."""


class RowRegressions:
    r"""A ridge regression for each row of a sparse matrix, on a design of its columns.

    With D the design's rows at the row's entries, e the entries less the columns' offset and W
    their weights (ones unless given), row r gets

        x_r = (D' W D + G + diag(l_r))^-1 D' W e,

    zero where the row has no entry. A penalty l below a millionth of the Gram's trace counts
    as that, so 0 can be solved too.

    Parameters
    ----------
    matrix
        (n_rows, n_columns), the targets.
    size
        Length of x.
    weights
        (n_entries,) of the squared errors.
    """

    def __init__(
        self, matrix: sparse.csr_array, size: int, weights: FloatArray | None = None
    ) -> None:
        self.shape = matrix.shape[0], size
        self.buckets = _buckets(matrix, size, weights)

    def solve(
        self,
        design: FloatArray,
        penalty: FloatArray,
        *,
        offset: FloatArray | None = None,
        gram: FloatArray | None = None,
    ) -> FloatArray:
        """All rows' x, (n_rows, size), in the design's precision.

        Parameters
        ----------
        design
            (n_columns, size)
        penalty
            l, (n_rows, size)
        offset
            (n_columns,), taken from the entries.
        gram
            G, (size, size), shared by all rows.
        """
        offset = np.zeros(len(design), dtype=design.dtype) if offset is None else offset
        padded = torch.from_numpy(np.pad(design, ((0, 1), (0, 0))))
        rest = torch.from_numpy(np.pad(offset, (0, 1)))
        solution = np.zeros(self.shape, dtype=design.dtype)
        for bucket in self.buckets:
            matrices, target = _normal_equations(bucket, padded, rest)
            if gram is not None:
                matrices += torch.from_numpy(gram.astype(design.dtype))
            diagonal = matrices.diagonal(dim1=1, dim2=2)
            least = (JITTER * diagonal.sum(1, keepdim=True)).clamp_min(LEAST)
            ridge = torch.from_numpy(penalty[bucket.rows].astype(design.dtype))
            diagonal.add_(torch.maximum(ridge, least))
            x = torch.cholesky_solve(target, torch.linalg.cholesky(matrices))
            solution[bucket.rows] = x.squeeze(2).numpy()
        return solution


@dataclass(frozen=True)
class PeopleRegression:
    """What each person's unknowns are regressed on; see ``RowRegressions``.

    Attributes
    ----------
    targets : (n_people, n_items) ratings less all that the unknowns do not explain
    design : (n_items, size)
    penalty : (n_people, size)
    gram : (size, size), or none
    weights : (n_ratings,), or ones
    """

    targets: sparse.csr_array
    design: FloatArray
    penalty: FloatArray
    gram: FloatArray | None = None
    weights: FloatArray | None = None

    def solve(self) -> FloatArray:
        """(n_people, size) float32."""
        # In float64: then padding beside others' ratings does not show in a person's result.
        rows = RowRegressions(self.targets, self.design.shape[1], self.weights)
        x = rows.solve(self.design.astype(np.float64), self.penalty, gram=self.gram)
        return x.astype(np.float32)

    def influence(self, item: int) -> FloatArray:
        r"""How d_item . x of the one person grows with each of their targets, (n_ratings,).

        x = (D' W D + G + L)^-1 sum_j w_j d_j e_j is a sum over the ratings j, and so is the
        prediction, whose part of rating j is d_item' (D' W D + G + L)^-1 d_j w_j e_j. (Hu,
        Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", 2008,
        section 5, equation 7.)
        """
        design = self.design.astype(np.float64)
        own = design[self.targets.indices]
        weighted = own if self.weights is None else self.weights[:, None] * own
        gram = own.T @ weighted
        if self.gram is not None:
            gram += self.gram
        least = max(JITTER * float(np.trace(gram)), LEAST)
        gram[np.diag_indices(len(gram))] += np.maximum(self.penalty[0], least)
        influence: FloatArray = weighted @ np.linalg.solve(gram, design[item])
        return influence


class _Bucket(NamedTuple):
    """Rows of about as many entries, padded to the same length.

    Attributes
    ----------
    rows : (n,) positions
    columns : (n, length) int32; the number of columns marks padding
    values : (n, length); 0 at padding
    weights : (n, length); none if all are one
    """

    rows: NDArray[np.intp]
    columns: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor | None


def _buckets(matrix: sparse.csr_array, size: int, weights: FloatArray | None) -> list[_Bucket]:
    """Sort the rows by their number of entries and pad them in groups; empty ones are left out."""
    counts = np.diff(matrix.indptr)
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] > 0]
    lengths = counts[order]
    buckets, start = [], 0
    while start < len(order):
        longest = max(lengths[start] * PADDING, lengths[start] + 4)
        end = min(
            int(np.searchsorted(lengths, longest, side="right")),
            start + max(1, min(int(BUDGET // longest), GRAMS // size**2)),
        )
        buckets.append(_pad(matrix, weights, order[start:end]))
        start = end
    return buckets


def _pad(matrix: sparse.csr_array, weights: FloatArray | None, rows: NDArray[np.intp]) -> _Bucket:
    starts, counts = matrix.indptr[rows], matrix.indptr[rows + 1] - matrix.indptr[rows]
    within = np.arange(counts.max())
    real = within < counts[:, None]
    at = np.where(real, starts[:, None] + within, 0)
    columns = np.where(real, matrix.indices[at], matrix.shape[1]).astype(np.int32)
    values = np.where(real, matrix.data[at], 0)
    return _Bucket(
        rows,
        torch.from_numpy(columns),
        torch.from_numpy(values),
        None if weights is None else torch.from_numpy(weights[at]),
    )


def _normal_equations(
    bucket: _Bucket, design: torch.Tensor, offset: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """D'WD, (n, size, size), and D'We, (n, size, 1), of each row of a bucket.

    ``design`` and ``offset`` end in a row of zeros for the padding.
    """
    n, size = len(bucket.rows), design.shape[1]
    gram = torch.zeros(n, size, size, dtype=design.dtype)
    target = torch.zeros(n, size, 1, dtype=design.dtype)
    for start in range(0, bucket.columns.shape[1], LONGEST):
        block = slice(start, start + LONGEST)
        columns = bucket.columns[:, block].reshape(-1)
        rows = design.index_select(0, columns).view(n, -1, size)
        rest = bucket.values[:, block] - offset.index_select(0, columns).view(n, -1)
        weighted = rows
        if bucket.weights is not None:
            weighted = rows * bucket.weights[:, block, None]
        gram.baddbmm_(weighted.mT, rows)
        target.baddbmm_(weighted.mT, rest[:, :, None].to(design.dtype))
    return gram, target
