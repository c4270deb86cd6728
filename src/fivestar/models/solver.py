"""The one row solver: a small linear system for each row of ratings, solved or drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray
from fivestar.models.row_systems import (
    JITTER,
    LEAST,
    Entries,
    Rest,
    add_entries,
    empty_block,
    empty_matrix,
    empty_sums,
    solve_rows,
)
from fivestar.models.threads import in_threads, threads_for
from fivestar.models.vector_loops import LANES, WIDE, aligned
from fivestar.ratings import with_values

PART = 1 << 15
"""Entries of a row that one thread sums; longer rows are cut, wherever there are more threads."""
TASKS = 8
"""Of each thread, so that all end at about the same time."""


class RowSolver:
    r"""Solves the normal equations of each row of a sparse matrix on a design of its columns.

    With D the design's rows at the entries of row r, t the targets there and w their weights,

        A = D' diag(w) D + G + s_r diag(l_r),    b = D' diag(w) t + c_r,

    a row gets x = A^-1 b, or a draw of N(A^-1 b, A^-1); the same with any number of threads.
    Products are summed in float32, in chunks; the systems are solved in float64.
    """

    def __init__(self, matrix: sparse.csr_array) -> None:
        self.starts = matrix.indptr.astype(np.int64)
        self.columns = matrix.indices.astype(np.int32, copy=False)
        counts = np.diff(self.starts)
        # The longest first, dealt in turn: then each thread gets about as much.
        self.order = np.argsort(-counts, kind="stable")
        self.n_filled = int(np.count_nonzero(counts))
        n_long = int(np.count_nonzero(counts > PART))
        n_parts = -(-counts[self.order[:n_long]] // PART)
        self.part_starts = np.concatenate([[0], np.cumsum(n_parts)])

    def solve(
        self,
        targets: FloatArray,
        design: FloatArray,
        *,
        ones: bool = False,
        offsets: FloatArray | None = None,
        weights: FloatArray | None = None,
        row_weights: FloatArray | None = None,
        column_weights: FloatArray | None = None,
        gram: FloatArray | None = None,
        penalty: FloatArray | None = None,
        strengths: FloatArray | None = None,
        linear: FloatArray | None = None,
        noise: FloatArray | None = None,
    ) -> NDArray[np.float32]:
        """All rows' x, (n_rows, n_unknowns).

        Parameters
        ----------
        targets
            t, (n_entries,)
        design
            (n_columns, size)
        ones
            Whether a column of ones, of the bias, follows the design's columns: there is one
            more unknown.
        offsets
            (n_columns,) taken from the targets in each column.
        weights, row_weights, column_weights
            (n_entries,), (n_rows,) and (n_columns,), of which w is the product; ones unless given.
        gram
            G, (n_unknowns, n_unknowns)
        penalty, strengths
            l, (n_rows or 1, n_unknowns), and s, (n_rows,). Less than a millionth of the trace
            of D' diag(w) D + G counts as that, so 0 can be solved too.
        linear
            c, (n_rows, n_unknowns)
        noise
            Standard normal, (n_rows, n_unknowns) float32: draws instead of means.
        """
        n_rows, size = len(self.starts) - 1, design.shape[1]
        n_unknowns = size + ones
        found = np.zeros((n_rows, n_unknowns), dtype=np.float32)
        entries = Entries(
            self.starts,
            self.columns,
            np.ascontiguousarray(targets, dtype=np.float32),
            _roots(weights),
            _or_same(offsets, 0),
            _roots(column_weights),
            aligned(design, WIDE),
            size,
        )
        rest = Rest(
            _or_empty(row_weights),
            _or_empty(gram, shape=(0, 0)),
            _or_empty(penalty, shape=(0, 0)),
            _or_empty(strengths),
            _or_empty(linear, shape=(0, 0)),
            _or_empty(noise, np.float32, shape=(0, 0)),
        )
        # A row without entries is zero unless it is drawn or has a term of its own.
        n_solved = self.n_filled if linear is None and noise is None else n_rows
        n_threads = threads_for((size + 1) ** 2 * (len(targets) + n_rows * size))
        part_sums = empty_sums(size, int(self.part_starts[-1]))
        begins, ends = self._parts()

        def add(part: int) -> None:
            add_entries(entries, begins[part], ends[part], empty_block(size), part_sums[part])

        def solve(task: int) -> None:
            solve_rows(
                self.order[:n_solved],
                task,
                n_tasks,
                entries,
                rest,
                self.part_starts,
                part_sums,
                empty_block(size),
                empty_sums(size, LANES),
                empty_matrix(n_unknowns),
                found,
            )

        n_tasks = min(TASKS * n_threads, -(-n_solved // LANES)) if n_threads > 1 else 1
        in_threads(add, range(len(begins)), n_threads)
        in_threads(solve, range(n_tasks), n_threads)
        return found

    def _parts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the parts of long rows begin and end."""
        long = self.order[: len(self.part_starts) - 1]
        begins = [np.arange(self.starts[row], self.starts[row + 1], PART) for row in long]
        ends = [
            np.append(each[1:], self.starts[row + 1])
            for each, row in zip(begins, long, strict=True)
        ]
        none = np.zeros(0, dtype=np.int64)
        return np.concatenate([none, *begins]), np.concatenate([none, *ends])


def _or_empty(
    values: FloatArray | None, dtype: type = np.float64, shape: tuple[int, ...] = (0,)
) -> FloatArray:
    given = np.zeros(shape, dtype) if values is None else values
    return np.ascontiguousarray(given, dtype=dtype)


def _or_same(values: FloatArray | None, instead: float) -> NDArray[np.float32]:
    """The values, or a single one that stands for all."""
    given = np.full(1, instead) if values is None else values
    return np.ascontiguousarray(given, dtype=np.float32)


def _roots(weights: FloatArray | None) -> NDArray[np.float32]:
    return _or_same(None if weights is None else np.sqrt(weights, dtype=np.float32), 1)


@dataclass(frozen=True)
class UserRegression:
    """Users' unknowns x by ridge regressions r_j - g_j ~ d_j . x on the items j that they rated.

    Attributes
    ----------
    base : (n_items,) g, what a user without ratings is predicted
    design : (n_items, size) d
    penalty : (n_users, size)
    gram : (size, size), added to every user's
    weights : (n_ratings,) of the squared errors
    """

    ratings: sparse.csr_array
    base: FloatArray
    design: FloatArray
    penalty: FloatArray
    gram: FloatArray | None = None
    weights: FloatArray | None = None

    @property
    def targets(self) -> FloatArray:
        """(n_ratings,) of what is left to the unknowns."""
        left: FloatArray = self.ratings.data - self.base[self.ratings.indices]
        return left

    def rescaled(self, shift: float, scale: float) -> UserRegression:
        """With the same solution, of ratings that are shift + scale times these ones."""
        return replace(
            self,
            ratings=with_values(self.ratings, shift + scale * self.ratings.data),
            base=shift + scale * self.base,
            design=scale * self.design,
            penalty=scale**2 * self.penalty,
            gram=None if self.gram is None else scale**2 * self.gram,
        )

    def solve(self) -> NDArray[np.float32]:
        """(n_users, size)"""
        return RowSolver(self.ratings).solve(
            self.targets, self.design, weights=self.weights, gram=self.gram, penalty=self.penalty
        )

    def factors_and_bias(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The solution where the design ends in ones: (n_users, size - 1) and (n_users,)."""
        found = self.solve()
        return found[:, :-1].copy(), found[:, -1].copy()

    def contributions(self, item: int) -> tuple[float, FloatArray]:
        """Base, and what each rating of the one user adds to the prediction of an item."""
        return float(self.base[item]), self.influence(item) * self.targets

    def influence(self, item: int) -> FloatArray:
        r"""How d_item . x of the one user grows with each of their targets, (n_ratings,).

        x = (D' W D + G + L)^-1 sum_j w_j d_j e_j is a sum over the ratings j, and so is the
        prediction, whose part of rating j is d_item' (D' W D + G + L)^-1 d_j w_j e_j. (Hu,
        Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", 2008,
        section 5, equation 7.)
        """
        design = self.design.astype(np.float64)
        own = design[self.ratings.indices]
        weighted = own if self.weights is None else self.weights[:, None] * own
        gram = own.T @ weighted
        if self.gram is not None:
            gram += self.gram
        least = max(JITTER * float(np.trace(gram)), LEAST)
        gram[np.diag_indices(len(gram))] += np.maximum(self.penalty[0], least)
        influence: FloatArray = weighted @ np.linalg.solve(gram, design[item])
        return influence


def penalties(
    strengths: FloatArray | NDArray[np.integer], n_factors: int, of_factors: float, of_bias: float
) -> FloatArray:
    """Each row's strength times the penalties of factors and bias, (n_rows, n_factors + 1)."""
    rows: FloatArray = np.outer(strengths, [of_factors] * n_factors + [of_bias])
    return rows


def worth_of_stopping(rate: float, n_steps: int) -> float:
    """The L2 penalty that gradient descent from zero on e^2 / 2 amounts to if stopped.

    The inverse of the rate times the number of times it was used: Ali, Kolter, Tibshirani, "A
    Continuous-Time View of Early Stopping for Least Squares Regression", AISTATS 2019.
    """
    return 1 / (rate * max(n_steps, 1))


def with_ones(factors: FloatArray) -> FloatArray:
    """What the other side is regressed on: factors, and a one for its bias."""
    return np.pad(factors, ((0, 0), (0, 1)), constant_values=1)
