"""The two loops of the neighbour models, compiled: similarities, and means weighted by them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fivestar.models.compiled import compiled


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


@compiled
def similarities(
    matrix: Rows, transposed: Rows, first: int, last: int, kept: int, settings: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Amplified similarities of some columns of a sparse matrix with all its columns.

    Parameters
    ----------
    matrix, transposed
        E, n_rows x n_columns, and its transpose; the latter may have further columns, which are
        compared but with which none is.
    first, last
        The columns that are compared with all: from the first to before the last.
    kept
        Similarities kept of each, those of largest size.
    settings
        l and p of ``ItemKNN``.

    Returns
    -------
    counts : (last - first,) how many are kept of each
    similar : (last - first, kept) which columns they are with; filled as far as ``counts`` says
    weights : (last - first, kept) sign(s) |s|^p
    """
    shrinkage, amplification = settings
    n_columns = len(transposed.starts) - 1
    sums = np.zeros((n_columns, 4))  # e_i e_j, e_i^2, e_j^2 and 1, over the common rows
    touched, found = np.empty(n_columns, np.int32), np.empty(n_columns)
    counts = np.zeros(last - first, np.int64)
    similar = np.empty((last - first, kept), np.int32)
    weights = np.empty((last - first, kept), np.float32)
    for column in range(first, last):
        n_touched = 0
        for at in range(transposed.starts[column], transposed.starts[column + 1]):
            row, value = transposed.columns[at], float(transposed.values[at])
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
        n_similar = 0
        for at in range(n_touched):
            product, square, others_square, count = sums[touched[at]]
            if product != 0 and square > 0 and others_square > 0:
                found[n_similar] = product / np.sqrt(square * others_square)
                found[n_similar] *= count / (count + shrinkage)
                touched[n_similar] = touched[at]
                n_similar += 1
            sums[touched[at]] = 0
        chosen = np.arange(n_similar)
        if n_similar > kept:
            chosen = np.argpartition(-np.abs(found[:n_similar]), kept)[:kept]
        counts[column - first] = len(chosen)
        for n, one in enumerate(chosen):
            similar[column - first, n] = touched[one]
            size = np.abs(found[one]) ** amplification
            weights[column - first, n] = np.sign(found[one]) * size
    return counts, similar, weights


@compiled
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
    filled = -1
    for pair in range(len(rows)):
        row, target = rows[pair], targets[pair]
        if target != filled:
            if filled >= 0:
                of_target[similar.columns[similar.starts[filled] : similar.starts[filled + 1]]] = 0
            inside = slice(similar.starts[target], similar.starts[target + 1])
            of_target[similar.columns[inside]] = similar.values[inside]
            filled = target
        rated = slice(matrix.starts[row], matrix.starts[row + 1])
        weights, values = of_target[matrix.columns[rated]], matrix.values[rated]
        sizes = np.abs(weights)
        least = 0.0
        if 0 < n_neighbours < len(sizes):
            least = np.partition(sizes, len(sizes) - n_neighbours)[len(sizes) - n_neighbours]
        total, weighted = shrinkage, 0.0
        for at in range(len(weights)):
            if sizes[at] >= least:
                total += sizes[at]
                weighted += weights[at] * values[at]
        if total > 0:
            means[pair] = weighted / total
    return means
