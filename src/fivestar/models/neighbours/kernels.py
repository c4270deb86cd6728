"""The two loops of the neighbour models, compiled: similarities, and means weighted by them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Rows(NamedTuple):
    """A sparse matrix by rows (CSR), as numba can read it.

    Attributes
    ----------
    starts : (n_rows + 1,) int64, where each row starts in the others
    columns : (n_entries,) int32
    values : (n_entries,) float32
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]


@njit(cache=True, nogil=True)
def similarities(
    matrix: Rows,
    turned: Rows,
    first: int,
    last: int,
    kept: int,
    shrinkage: float,
    amplification: float,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Amplified similarities of some columns of a sparse matrix with all its columns.

    Parameters
    ----------
    matrix, turned
        E, n_rows x n_columns, and its transpose; the latter may have further columns, which are
        compared but with which none is.
    first, last
        The columns that are compared with all: from the first to before the last.
    kept
        Similarities kept of each, those of largest size.
    shrinkage, amplification
        l and p of ``ItemKNN``.

    Returns
    -------
    counts : (last - first,) how many are kept of each
    similar : (last - first, kept) which columns they are with; filled as far as ``counts`` says
    weights : (last - first, kept) sign(s) |s|^p
    """
    n_columns = len(turned.starts) - 1
    sums = np.zeros((n_columns, 4))  # e_i e_j, e_i^2, e_j^2 and 1, over the common rows
    touched = np.empty(n_columns, np.int32)
    found = np.empty(n_columns, np.float64)
    counts = np.zeros(last - first, np.int64)
    similar = np.empty((last - first, kept), np.int32)
    weights = np.empty((last - first, kept), np.float32)
    for column in range(first, last):
        n_touched = 0
        for at in range(turned.starts[column], turned.starts[column + 1]):
            row, value = turned.columns[at], float(turned.values[at])
            for place in range(matrix.starts[row], matrix.starts[row + 1]):
                other, others_value = matrix.columns[place], float(matrix.values[place])
                if other == column:
                    continue
                common = sums[other]
                if common[3] == 0:
                    touched[n_touched] = other
                    n_touched += 1
                common[0] += value * others_value
                common[1] += value * value
                common[2] += others_value * others_value
                common[3] += 1
        for at in range(n_touched):
            product, square, others_square, count = sums[touched[at]]
            found[at] = 0
            if square > 0 and others_square > 0:
                found[at] = product / np.sqrt(square * others_square) * count / (count + shrinkage)
            sums[touched[at]] = 0
        least = _least_of_largest(np.abs(found[:n_touched]), kept)
        n_kept = 0
        for above in (True, False):  # those that tie fill what places are left
            for at in range(n_touched):
                size = abs(found[at])
                if size > 0 and n_kept < kept and (size > least if above else size == least):
                    similar[column - first, n_kept] = touched[at]
                    weights[column - first, n_kept] = np.sign(found[at]) * size**amplification
                    n_kept += 1
        counts[column - first] = n_kept
    return counts, similar, weights


@njit(cache=True, nogil=True)
def weighted_means(
    rows: NDArray[np.intp],
    targets: NDArray[np.intp],
    matrix: Rows,
    similar: Rows,
    n_neighbours: int,
    shrinkage: float,
) -> NDArray[np.float32]:
    """Mean of a row's values, weighted by how similar their columns are to the target column.

    Parameters
    ----------
    rows, targets
        Row and target column of each pair; fastest where pairs of a target follow each other.
    matrix, similar
        E, n_rows x n_columns, and w, which has a row for each target and no fewer than columns.
    n_neighbours
        Values that count for a pair, those of largest weight and their ties; 0 for all.
    shrinkage
        Added to the sum of the weights' sizes.

    Returns
    -------
    (n_pairs,); 0 where no value's column is similar.
    """
    means = np.zeros(len(rows), np.float32)
    of_target = np.zeros(len(similar.starts) - 1, np.float32)  # the target's row of w, dense
    sizes = np.empty(len(of_target), np.float32)
    filled = -1
    for pair in range(len(rows)):
        row, target = rows[pair], targets[pair]
        if target != filled:
            if filled >= 0:
                of_target[similar.columns[similar.starts[filled] : similar.starts[filled + 1]]] = 0
            inside = slice(similar.starts[target], similar.starts[target + 1])
            of_target[similar.columns[inside]] = similar.values[inside]
            filled = target
        n_sizes = 0
        for place in range(matrix.starts[row], matrix.starts[row + 1]):
            size = abs(of_target[matrix.columns[place]])
            if size > 0:
                sizes[n_sizes] = size
                n_sizes += 1
        least = _least_of_largest(sizes[:n_sizes], n_neighbours) if n_neighbours else 0.0
        total, weighted = shrinkage, 0.0
        for place in range(matrix.starts[row], matrix.starts[row + 1]):
            weight = of_target[matrix.columns[place]]
            if weight != 0 and abs(weight) >= least:
                total += abs(weight)
                weighted += weight * matrix.values[place]
        if total > 0:
            means[pair] = weighted / total
    return means


@njit(cache=True, nogil=True)
def _least_of_largest(sizes: NDArray[np.floating], n: int) -> float:
    """The n-th largest size, 0 where there are no more than n."""
    if len(sizes) <= n:
        return 0.0
    return float(np.partition(sizes, len(sizes) - n)[len(sizes) - n])
