"""Squared errors at the observed ratings and their gradients: no dense matrix, no entry stored.

The ratings are gone through twice, by user and by item, and each time every error is found
anew: a product of two rows that are at hand costs less than to keep it for the other order. No
sum is shared between rows, so the results are the same with any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray
from fivestar.models.compiled import compiled
from fivestar.models.threads import rows_in_threads
from fivestar.models.vector_loops import (
    EIGHT,
    FOUR,
    add_rows_8,
    add_rows_16,
    aligned,
    products_of_eights,
)

Array = NDArray[np.float32]
CHUNK = 256
"""Ratings at a time: their errors, and the factors they are with, stay in the first cache."""


class Readout(NamedTuple):
    """How a factorisation's sum becomes a prediction, in units: shifted, scaled, kept inside.

    ``unit`` is what is rounded to whole ratings; with 0 nothing is.
    """

    shift: float
    scale: float
    lowest: float
    highest: float
    unit: float


class Weights(NamedTuple):
    """Of one side or, by the same names, the gradients of these."""

    factors: Array
    """(n, k)"""
    bias: Array
    """(n,), or empty where there are no biases."""


NONE = Weights(np.empty((0, 0), dtype=np.float32), np.empty(0, dtype=np.float32))


@dataclass(frozen=True)
class SquaredErrors:
    """Of ratings on the scale of the factors, by row.

    Attributes
    ----------
    starts, columns : as in CSR, int64 and int32
    targets : (n_entries,)
    importance : (n_entries,) of the squared errors; empty where all are 1
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    targets: Array
    importance: Array

    @classmethod
    def of(
        cls, ratings: sparse.csr_array, readout: Readout, importance: FloatArray | None = None
    ) -> SquaredErrors:
        """Of ratings in units."""
        targets = (ratings.data - np.float32(readout.shift)) / np.float32(readout.scale)
        return cls(
            ratings.indptr.astype(np.int64),
            ratings.indices.astype(np.int32, copy=False),
            targets.astype(np.float32, copy=False),
            NONE.bias if importance is None else importance.astype(np.float32, copy=False),
        )

    def by_column(self, n_columns: int) -> SquaredErrors:
        """The same of the transposed matrix."""
        places = np.arange(len(self.columns), dtype=np.int32)
        shape = len(self.starts) - 1, n_columns
        csc = sparse.csr_array((places, self.columns, self.starts), shape).tocsc()
        importance = self.importance[csc.data] if len(self.importance) else self.importance
        rows = csc.indices.astype(np.int32, copy=False)
        return SquaredErrors(csc.indptr.astype(np.int64), rows, self.targets[csc.data], importance)

    def sum(self, own: Weights, other: Weights, readout: Readout) -> float:
        """Sum of the squares of prediction less rating, units^2; not weighted by importance.

        ``own`` are the weights of the rows and ``other`` those of the columns.
        """
        return self._pass(own, other, readout, NONE)

    def find_gradient(self, gradient: Weights, own: Weights, other: Weights) -> None:
        """Set half the gradient of the weighted squares by the rows' weights.

        The squares are those on the scale of the factors.
        """
        self._pass(own, other, None, gradient)

    def sum_and_find_gradient(
        self, gradient: Weights, own: Weights, other: Weights, readout: Readout
    ) -> float:
        """Both in one pass."""
        return self._pass(own, other, readout, gradient)

    def _pass(
        self, own: Weights, other: Weights, readout: Readout | None, gradient: Weights
    ) -> float:
        squares = np.zeros(0 if readout is None else len(self.starts) - 1)
        data = self.starts, self.columns, self.targets, self.importance
        left, right = (aligned(side.factors, EIGHT) for side in (own, other))
        arrays = *data, left, own.bias, right, other.bias, *gradient
        told = tuple(readout or (0.0,) * 5)
        rows_in_threads(
            lambda first, end: _add_up(first, end, *arrays, told, squares),
            self.starts,
            2 * len(self.columns) * own.factors.shape[1],
        )
        return float(squares.sum())


@compiled
def _add_up(
    first: int,
    end: int,
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    targets: Array,
    importance: Array,
    left: Array,
    left_bias: Array,
    right: Array,
    right_bias: Array,
    gradient: Array,
    bias_gradient: Array,
    readout: tuple[float, ...],
    squares: NDArray[np.float64],
) -> None:
    """Rows from ``first`` to ``end`` of squares and gradients, where these are not empty."""
    biased, n_steps = len(left_bias) > 0, left.shape[1] // EIGHT
    errors, total = np.empty(CHUNK + EIGHT, np.float32), np.empty(left.shape[1], np.float32)
    for row in range(first, end):
        total[:] = 0
        of_bias, of_row = np.float32(0), 0.0
        for begin in range(starts[row], starts[row + 1], CHUNK):
            n = min(CHUNK, starts[row + 1] - begin)
            products_of_eights(errors, n, left, row, columns, begin, right, n_steps)
            for p in range(n):
                if biased:
                    errors[p] += left_bias[row] + right_bias[columns[begin + p]]
                errors[p] -= targets[begin + p]
            if len(squares):
                of_row += _squares(errors, n, targets, begin, readout)
            if len(gradient):
                of_bias += _weighted_sum(errors, n, importance, begin)
                _add_rows(total, errors, n, right, columns, begin)
        if len(squares):
            squares[row] = of_row
        if len(gradient):
            for f in range(gradient.shape[1]):
                gradient[row, f] = total[f]
            if biased:
                bias_gradient[row] = of_bias


@compiled
def _weighted_sum(errors: Array, n: int, importance: Array, begin: int) -> np.float32:
    """Sum of n errors, each first multiplied by its importance, in place."""
    if len(importance):
        for p in range(n):
            errors[p] *= importance[begin + p]
    total = np.float32(0)
    for p in range(n):
        total += errors[p]
    return total


@compiled
def _add_rows(
    total: Array, times: Array, n: int, right: Array, columns: NDArray[np.int32], begin: int
) -> None:
    """Add n rated rows, each so many times."""
    size, n_fours, done = len(total), n // FOUR, 0
    while done + 16 <= size:
        add_rows_16(total, times, n_fours, columns, begin, right, done)
        done += 16
    if done < size:
        add_rows_8(total, times, n_fours, columns, begin, right, done)
    for p in range(n_fours * FOUR, n):
        for f in range(size):
            total[f] += times[p] * right[columns[begin + p], f]


@compiled
def _squares(
    errors: Array, n: int, targets: Array, begin: int, readout: tuple[float, ...]
) -> float:
    """Sum of the squares of prediction less rating, from errors on the scale of the factors."""
    shift, scale, lowest, highest, unit = readout
    total = 0.0
    for p in range(n):
        prediction = min(max(shift + scale * (errors[p] + targets[begin + p]), lowest), highest)
        if unit > 0:
            prediction = np.rint(prediction * unit) / unit
        off = prediction - shift - scale * targets[begin + p]
        # What is not finite shows in the sum, though the prediction is kept inside the scale.
        total += off * off + 0 * errors[p]
    return total
