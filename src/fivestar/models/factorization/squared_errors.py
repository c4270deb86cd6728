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
from fivestar.models.threads import Job, jobs_in_threads
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
        job, squares = self.job(own, other, NONE, readout)
        jobs_in_threads([job], 2 * len(self.columns) * own.factors.shape[1])
        return float(squares.sum())

    def job(
        self, own: Weights, other: Weights, gradient: Weights, readout: Readout | None
    ) -> tuple[Job, NDArray[np.float64]]:
        """Work that finds the squares of each row and sets half the gradient by its weights.

        The squares, (n_rows,) and 0 until the work is done, are left out without a readout, and
        the gradient where it is ``NONE``; it is that of the weighted squares on the scale of the
        factors.
        """
        squares = np.zeros(0 if readout is None else len(self.starts) - 1)
        data = self.starts, self.columns, self.targets, self.importance
        left, right = (aligned(side.factors, EIGHT) for side in (own, other))
        arrays = *data, left, own.bias, right, other.bias, *gradient
        told = tuple(readout or (0.0,) * 5)

        def work(first: int, end: int) -> None:
            _add_up(first, end, *arrays, told, squares)

        return (work, self.starts), squares


def sum_and_find_gradients(
    errors: tuple[SquaredErrors, SquaredErrors],
    weights: tuple[Weights, Weights],
    gradients: tuple[Weights, Weights],
    readout: Readout,
) -> float:
    """The sum of squares by the first of two sides, and the gradients of both.

    The second side's errors are those of the transposed matrix.
    """
    first, second = weights
    of_first, squares = errors[0].job(first, second, gradients[0], readout)
    of_second, _ = errors[1].job(second, first, gradients[1], None)
    jobs_in_threads([of_first, of_second], 4 * len(errors[0].columns) * first.factors.shape[1])
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
            # Parts from 0 on: an index that might be negative is turned round, one at a time.
            part = slice(begin, begin + n)
            if biased:
                _add_biases(errors, left_bias[row], right_bias, columns[part])
            _subtract(errors, targets[part])
            if len(squares):
                of_row += _squares(errors, targets[part], readout)
            if len(gradient):
                of_bias += _weighted_sum(errors, n, importance[part])
                _add_rows(total, errors, right, columns[part])
        if len(squares):
            squares[row] = of_row
        if len(gradient):
            for f in range(gradient.shape[1]):
                gradient[row, f] = total[f]
            if biased:
                bias_gradient[row] = of_bias


@compiled
def _add_biases(
    errors: Array, of_row: np.float32, of_columns: Array, columns: NDArray[np.int32]
) -> None:
    for p in range(len(columns)):
        errors[p] += of_row + of_columns[np.uintp(columns[p])]


@compiled
def _subtract(errors: Array, targets: Array) -> None:
    for p in range(len(targets)):
        errors[p] -= targets[p]


@compiled
def _weighted_sum(errors: Array, n: int, importance: Array) -> np.float32:
    """Sum of n errors, each first multiplied by its importance, in place."""
    for p in range(len(importance)):
        errors[p] *= importance[p]
    total = np.float32(0)
    for p in range(n):
        total += errors[p]
    return total


@compiled
def _add_rows(total: Array, times: Array, right: Array, columns: NDArray[np.int32]) -> None:
    """Add the rated rows, each so many times."""
    size, n_fours, done = len(total), len(columns) // FOUR, 0
    while done + 16 <= size:
        add_rows_16(total, times, n_fours, columns, 0, right, done)
        done += 16
    if done < size:
        add_rows_8(total, times, n_fours, columns, 0, right, done)
    for p in range(n_fours * FOUR, len(columns)):
        row = right[np.uintp(columns[p])]
        for f in range(size):
            total[f] += times[p] * row[f]


@compiled
def _squares(errors: Array, targets: Array, readout: tuple[float, ...]) -> float:
    """Sum of the squares of prediction less rating, from errors on the scale of the factors."""
    shift, scale, lowest, highest, unit = readout
    total = 0.0
    for p in range(len(targets)):
        prediction = min(max(shift + scale * (errors[p] + targets[p]), lowest), highest)
        if unit > 0:
            prediction = np.rint(prediction * unit) / unit
        off = prediction - shift - scale * targets[p]
        # What is not finite shows in the sum, though the prediction is kept inside the scale.
        total += off * off + 0 * errors[p]
    return total
