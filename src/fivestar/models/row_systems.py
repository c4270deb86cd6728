"""The compiled part of the row solver: normal equations of rows, summed and solved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fivestar.models.compiled import compiled
from fivestar.models.vector_loops import (
    LANES,
    SIDE,
    TALL,
    TWO,
    WIDE,
    add_products,
    add_products_of_two,
    block_below,
    diagonal_block,
    gather_rows,
    substitute_back,
    up_to,
    zeros,
)

Array = NDArray[np.floating]
Integers = NDArray[np.integer]

CHUNK = 128
"""Ratings whose products are summed before they join a longer sum: they fit a core's caches."""
JITTER = 1e-6
"""Least penalty as a fraction of the Gram matrix's trace: with less a system may be singular."""
LEAST = 1e-30
"""Least penalty where the Gram matrix is zero."""


class Entries(NamedTuple):
    """The entries of a sparse matrix, and what their columns have.

    Attributes
    ----------
    starts : (n_rows + 1,), columns : (n_entries,) as in CSR
    targets : (n_entries,) float32
    roots : (n_entries or 1,) square roots of the weights, float32
    offsets : (n_columns or 1,) taken from the targets, float32
    column_roots : (n_columns or 1,) square roots of the columns' weights, float32
    design : (n_columns, multiple of WIDE) float32, of which ``size`` columns count
    size : length of the design's rows
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    targets: Array
    roots: Array
    offsets: Array
    column_roots: Array
    design: Array
    size: int


class Rest(NamedTuple):
    """What the normal equations have beside the entries; empty arrays are left out.

    Attributes
    ----------
    row_weights : (n_rows,) of all entries of a row
    gram : (n_unknowns, n_unknowns)
    penalty : (n_rows or 1, n_unknowns), times strengths : (n_rows,)
    linear, noise : (n_rows, n_unknowns)
    """

    row_weights: Array
    gram: Array
    penalty: Array
    strengths: Array
    linear: Array
    noise: Array


def empty_block(size: int) -> Array:
    """For the weighted rows (d, t, 1) of a chunk."""
    return zeros((CHUNK, up_to(size + 2, WIDE)))


def empty_sums(size: int, n: int) -> Array:
    """For the sums of n rows of the matrix; see ``add_entries``."""
    return zeros((n, up_to(size + 2, TALL), up_to(size, WIDE) + 1))


def empty_matrix(n_unknowns: int) -> Array:
    """For A and, below it, b of LANES systems, up to whole blocks."""
    n = up_to(n_unknowns, SIDE)
    return zeros((n + SIDE, n, LANES), np.float64)


@compiled
def add_entries(entries: Entries, begin: int, end: int, block: Array, sums: Array) -> None:
    """Add up w d_a d_c, w t d_c and w d_c of the entries from ``begin`` to ``end``.

    With (d, t, 1) as the columns 0 to ``size`` + 1, sum (a, c) is in row a and column c for
    a <= c < size. The sums with t and 1 are in their columns where the last tile has room for
    these, which costs nothing, or else in their rows. The last column has the sums of w t and w.
    """
    size, width = entries.size, entries.design.shape[1]
    in_columns = size + 2 <= width
    for first in range(begin, end, CHUNK):
        n = min(CHUNK, end - first)
        of_targets, of_ones = gather_rows(
            block,
            n,
            first,
            entries.columns,
            entries.targets,
            entries.offsets,
            entries.roots,
            entries.column_roots,
            entries.design,
            size,
        )
        for left in range(0, size + 2, TALL):
            from_diagonal = in_columns or left + TALL <= size
            for right in range(left // WIDE * WIDE if from_diagonal else 0, width, WIDE):
                if size + 2 - left > TWO:
                    add_products(block, n, left, right, sums)
                else:
                    add_products_of_two(block, n, left, right, sums)
        sums[size, width] += of_targets
        sums[size + 1, width] += of_ones


@compiled
def solve_rows(
    order: Integers,
    first: int,
    step: int,
    entries: Entries,
    rest: Rest,
    part_starts: Integers,
    part_sums: Array,
    block: Array,
    sums: Array,
    matrix: Array,
    found: Array,
) -> None:
    """Set rows ``found`` of every ``step``-th group of LANES rows in ``order``.

    The first rows of ``order`` are those whose sums are there already, in parts.
    """
    n_unknowns = found.shape[1]
    for begin in range(first * LANES, len(order), step * LANES):
        rows = order[begin : begin + LANES]
        for lane in range(len(rows)):
            row, total = rows[lane], sums[lane]
            total[:] = 0
            if begin + lane < len(part_starts) - 1:
                for part in range(part_starts[begin + lane], part_starts[begin + lane + 1]):
                    total += part_sums[part]
            else:
                add_entries(entries, entries.starts[row], entries.starts[row + 1], block, total)
        _write_sums(rows, entries.size, rest.row_weights, sums, matrix, n_unknowns)
        _add_rest(rows, rest, matrix, n_unknowns)
        _solve(rows, rest.noise, matrix, n_unknowns)
        for lane in range(len(rows)):
            for a in range(n_unknowns):
                found[rows[lane], a] = matrix[matrix.shape[1], a, lane]


@compiled
def _write_sums(
    rows: Integers, size: int, row_weights: Array, sums: Array, matrix: Array, n_unknowns: int
) -> None:
    """Write A and, in its last row, b of some rows, each its lane, as far as entries go."""
    last, width = matrix.shape[1], sums.shape[2] - 1
    in_columns = size + 2 <= width
    weights = np.ones(LANES)
    if len(row_weights):
        for lane in range(len(rows)):
            weights[lane] = row_weights[rows[lane]]
    for c in range(size):
        for a in range(c, size):
            for lane in range(LANES):
                matrix[a, c, lane] = weights[lane] * sums[lane, c, a]
        for lane in range(LANES):
            of_target = sums[lane, c, size] if in_columns else sums[lane, size, c]
            matrix[last, c, lane] = weights[lane] * of_target
    for a in range(size, n_unknowns):  # the bias, if there is one
        for c in range(size):
            for lane in range(LANES):
                of_one = sums[lane, c, size + 1] if in_columns else sums[lane, size + 1, c]
                matrix[a, c, lane] = weights[lane] * of_one
        for lane in range(LANES):
            matrix[a, a, lane] = weights[lane] * sums[lane, size + 1, width]
            matrix[last, a, lane] = weights[lane] * sums[lane, size, width]
    for a in range(n_unknowns, last):  # up to a whole block, ones on the diagonal
        matrix[a] = 0
        matrix[a, a] = 1
        matrix[last, a] = 0


@compiled
def _add_rest(rows: Integers, rest: Rest, matrix: Array, n_unknowns: int) -> None:
    """Add to A and b what does not come from the entries."""
    last = matrix.shape[1]
    for a in range(len(rest.gram)):
        for c in range(a + 1):
            for lane in range(LANES):
                matrix[a, c, lane] += rest.gram[a, c]
    for lane in range(len(rows)):
        row = rows[lane]
        if len(rest.linear):
            for a in range(n_unknowns):
                matrix[last, a, lane] += rest.linear[row, a]
        if len(rest.penalty):
            penalty = rest.penalty[row if len(rest.penalty) > 1 else 0]
            strength = rest.strengths[row] if len(rest.strengths) else 1.0
            trace = 0.0
            for a in range(n_unknowns):
                trace += matrix[a, a, lane]
            for a in range(n_unknowns):
                matrix[a, a, lane] += max(strength * penalty[a], JITTER * trace, LEAST)


@compiled
def _solve(rows: Integers, noise: Array, matrix: Array, n_unknowns: int) -> None:
    """Put x in the place of b.

    With noise e it is a draw of N(A^-1 b, A^-1): with A = L L' that is L'^-1 (L^-1 b + e), of
    mean A^-1 b and covariance L'^-1 L^-1 = A^-1.
    """
    last = matrix.shape[1]
    for j in range(0, last, SIDE):
        diagonal_block(matrix, j, j)
        for i in range(j + SIDE, last + 1, SIDE):
            block_below(matrix, i, j)
    if len(noise):
        for lane in range(len(rows)):
            for a in range(n_unknowns):
                matrix[last, a, lane] += noise[rows[lane], a]
    for i in range(last - 1, -1, -1):
        substitute_back(matrix, i, last)
