"""The one row solver: a small linear system for each row of ratings, solved or drawn from."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - what numba multiplies by: limited only if loaded
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import ThreadpoolController

from fivestar.models.base import FloatArray

CHUNK = 512
"""Ratings whose products are summed in float32 before they join a float64 sum."""
JITTER = 1e-6
"""Least penalty as a fraction of the Gram matrix's trace: with less a system may be singular."""
LEAST = 1e-30
"""Least penalty where the Gram matrix is zero."""
WORTH_A_THREAD = 1e8
"""Products of numbers that a further thread takes over: fewer are done before it has started."""

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile by numba: no interpreter lock, sums may be reordered, infinities keep their sense."""
    options = {"contract", "reassoc", "nsz", "arcp"}
    compiler = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=options)
    return cast(Function, compiler(function))


class RowSolver:
    r"""Solves the normal equations of each row of a sparse matrix on a design of its columns.

    With D the design's rows at the entries of row r, t the targets there and w their weights,

        A = D' diag(w) D + G + diag(l_r),    b = D' diag(w) t + c_r,

    a row gets x = A^-1 b, or a draw of N(A^-1 b, A^-1); the same with any number of threads.
    """

    def __init__(self, matrix: sparse.csr_array) -> None:
        self.starts = matrix.indptr.astype(np.int64)
        self.columns = matrix.indices.astype(np.int32)
        # The longest first, dealt in turn: then each thread gets about as much.
        self.order = np.argsort(-np.diff(self.starts), kind="stable")

    def solve(
        self,
        targets: FloatArray,
        design: FloatArray,
        *,
        weights: FloatArray | None = None,
        gram: FloatArray | None = None,
        penalty: FloatArray | None = None,
        linear: FloatArray | None = None,
        noise: FloatArray | None = None,
    ) -> NDArray[np.float32]:
        """All rows' x, (n_rows, size).

        Parameters
        ----------
        targets, weights
            t and w, (n_entries,); the weights are ones unless given.
        design
            (n_columns, size)
        gram
            G, (size, size)
        penalty, linear
            l and c, (n_rows, size). Less than a millionth of the trace of D' diag(w) D + G
            counts as that for l, so 0 can be solved too.
        noise
            Standard normal, (n_rows, size) float32: draws instead of means.
        """
        n_rows, size = len(self.starts) - 1, design.shape[1]
        found = np.zeros((n_rows, size), dtype=np.float32)
        arrays: Any = (
            self.starts,
            self.columns,
            np.asarray(targets, dtype=np.float32),
            np.ascontiguousarray(design, dtype=np.float32),
            np.sqrt(np.zeros(0) if weights is None else weights, dtype=np.float32),
            np.zeros((size, size)) if gram is None else gram.astype(np.float64),
            *(np.zeros((0, size)) if each is None else each for each in (penalty, linear)),
            np.zeros((0, size), dtype=np.float32) if noise is None else noise,
            found,
        )
        products = size**2 * (len(targets) + n_rows * size)
        n_threads = int(min(available_threads(), max(1, products / WORTH_A_THREAD)))
        if n_threads == 1:
            _solve(self.order, *arrays)
            return found
        dealt = [self.order[first::n_threads] for first in range(n_threads)]
        with _libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(lambda rows: _solve(rows, *arrays), dealt))
        return found


@compiled
def _solve(
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    targets: FloatArray,
    design: FloatArray,
    roots: FloatArray,
    gram: FloatArray,
    penalty: FloatArray,
    linear: FloatArray,
    noise: FloatArray,
    found: FloatArray,
) -> None:
    """Set some rows of ``found``; ``roots`` are those of the weights, empty arrays are left out."""
    size = design.shape[1]
    matrix, x = np.empty((size, size)), np.empty(size)
    block = np.empty((CHUNK, size + 1), np.float32)
    products = np.empty((size + 1, size + 1), np.float32)
    for row in rows:
        if starts[row] == starts[row + 1] and not len(linear) and not len(noise):
            continue
        matrix[:] = gram
        x[:] = 0
        if len(linear):
            x += linear[row]
        for begin in range(starts[row], starts[row + 1], CHUNK):
            n = min(CHUNK, starts[row + 1] - begin)
            for p in range(n):
                column, root = columns[begin + p], np.float32(1)
                if len(roots):
                    root = roots[begin + p]
                for a in range(size):
                    block[p, a] = root * design[column, a]
                block[p, size] = root * targets[begin + p]
            np.dot(block[:n].T, block[:n], products)
            for a in range(size):
                x[a] += products[a, size]
                for c in range(a + 1):
                    matrix[a, c] += products[a, c]
        if len(penalty):
            trace = 0.0
            for a in range(size):
                trace += matrix[a, a]
            for a in range(size):
                matrix[a, a] += max(penalty[row, a], JITTER * trace, LEAST)
        _solve_by_cholesky(matrix, x, noise, row)
        found[row] = x


@compiled
def _solve_by_cholesky(matrix: FloatArray, x: FloatArray, noise: FloatArray, row: int) -> None:
    """Put A^-1 b into ``x``, which holds b; destroys A's lower half.

    With noise e it is a draw of N(A^-1 b, A^-1): with A = R R' that is R'^-1 (R^-1 b + e), of
    mean A^-1 b and covariance R'^-1 R^-1 = A^-1.
    """
    size = len(x)
    for i in range(size):
        for j in range(i):
            value = matrix[i, j]
            for c in range(j):
                value -= matrix[i, c] * matrix[j, c]
            matrix[i, j] = value * matrix[j, j]
        value, mean = matrix[i, i], x[i]
        for c in range(i):
            value -= matrix[i, c] * matrix[i, c]
            mean -= matrix[i, c] * x[c]
        # The diagonal keeps its inverse: a division costs as much as ten products.
        matrix[i, i] = 1 / math.sqrt(value)
        x[i] = mean * matrix[i, i]
    if len(noise):
        x += noise[row]
    for i in range(size - 1, -1, -1):
        x[i] *= matrix[i, i]
        for c in range(i):
            x[c] -= matrix[i, c] * x[i]


def available_threads() -> int:
    """As many as OpenMP may use, or cores."""
    return int(os.environ.get("OMP_NUM_THREADS") or numba.get_num_threads())


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


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
