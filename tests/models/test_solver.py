"""The row solver, and users' regressions by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fivestar.models import solver, threads
from fivestar.models.solver import RowSolver, UserRegression, worth_of_stopping
from fivestar.ratings import csr_matrix

from .behaviour import planted

N_ROWS, SIZE = 30, 4


@pytest.fixture(scope="module")
def ratings() -> sparse.csr_array:
    """Of 30 users, the last without ratings, and 20 items."""
    return planted(N_ROWS, 20)[0]


@pytest.fixture(scope="module")
def given(ratings: sparse.csr_array) -> dict[str, Any]:
    """Every part of the formula."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(SIZE, SIZE))
    return {
        "targets": ratings.data,
        "design": rng.normal(size=(20, SIZE)),
        "weights": rng.uniform(0.5, 2, ratings.nnz),
        "gram": root @ root.T,
        "penalty": rng.uniform(0.5, 2, (N_ROWS, SIZE)),
        "linear": rng.normal(size=(N_ROWS, SIZE)),
    }


def normal_equations(
    ratings: sparse.csr_array, given: dict[str, Any], row: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, b, and what each target is multiplied by in b, by dense linear algebra."""
    inside = slice(*ratings.indptr[row : row + 2])
    weighted = given["design"][ratings.indices[inside]].T * given["weights"][inside]
    matrix = weighted @ given["design"][ratings.indices[inside]] + given["gram"]
    matrix += np.diag(given["penalty"][row])
    return matrix, weighted @ given["targets"][inside] + given["linear"][row], weighted


def test_rows_are_solved_as_by_dense_matrices(ratings: Any, given: dict[str, Any]) -> None:
    expected = [np.linalg.solve(*normal_equations(ratings, given, row)[:2]) for row in range(30)]
    np.testing.assert_allclose(RowSolver(ratings).solve(**given), expected, atol=1e-5)


def test_draws_have_the_mean_and_covariance_of_the_normal(
    ratings: Any, given: dict[str, Any]
) -> None:
    rng, rows = np.random.default_rng(0), RowSolver(ratings)
    draws = np.array(
        [
            rows.solve(**given, noise=rng.standard_normal((N_ROWS, SIZE), dtype=np.float32))
            for _ in range(8000)
        ]
    )
    for row in (0, 7, N_ROWS - 1):
        matrix, linear, _ = normal_equations(ratings, given, row)
        np.testing.assert_allclose(
            draws[:, row].mean(0), np.linalg.solve(matrix, linear), atol=0.05
        )
        np.testing.assert_allclose(np.cov(draws[:, row].T), np.linalg.inv(matrix), atol=0.05)


@pytest.mark.parametrize("n_threads", [2, 3])
def test_number_of_threads_changes_no_bit(
    ratings: Any, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, n_threads: int
) -> None:
    monkeypatch.setattr(solver, "PART", 5)  # rows of six ratings count as long and are cut
    alone = RowSolver(ratings).solve(**given)
    monkeypatch.setattr(threads, "WORTH_A_THREAD", 1)
    monkeypatch.setenv("FIVESTAR_NUM_THREADS", str(n_threads))
    np.testing.assert_array_equal(RowSolver(ratings).solve(**given), alone)


@pytest.mark.parametrize("size", [1, 6, 7, 8, 14, 15, 16, 31, 32, 33])
def test_a_design_of_any_length_may_be_followed_by_ones(ratings: Any, size: int) -> None:
    rng, rows = np.random.default_rng(0), RowSolver(ratings)
    design, offsets = rng.normal(size=(20, size)), rng.normal(size=20)
    penalty = rng.uniform(0.5, 2, (1, size + 1))
    strengths = rng.uniform(0.5, 2, N_ROWS)
    expected = rows.solve(
        ratings.data - offsets[ratings.indices],
        np.pad(design, ((0, 0), (0, 1)), constant_values=1),
        penalty=strengths[:, None] * penalty,
    )
    options: dict[str, Any] = {"offsets": offsets, "penalty": penalty, "strengths": strengths}
    found = rows.solve(ratings.data, design, ones=True, **options)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_weights_of_rows_and_columns_are_those_of_their_entries(
    ratings: Any, given: dict[str, Any]
) -> None:
    rng, rows = np.random.default_rng(0), RowSolver(ratings)
    of_rows, of_columns = rng.uniform(0.5, 2, N_ROWS), rng.uniform(0.5, 2, 20)
    each = np.repeat(of_rows, np.diff(ratings.indptr)) * of_columns[ratings.indices]
    expected = rows.solve(**{**given, "weights": each})
    weights = {"weights": None, "row_weights": of_rows, "column_weights": of_columns}
    np.testing.assert_allclose(rows.solve(**{**given, **weights}), expected, atol=1e-5)


def test_sums_of_long_rows_are_as_good_as_in_float64() -> None:
    """Of more ratings than a thread sums by itself, whose factors are far from independent."""
    rng, n, size = np.random.default_rng(0), solver.PART * 2 + 5, 24
    common = rng.normal(size=(n, 1))
    design = (0.2 * rng.normal(size=(n, size)) + 0.2 * common).astype(np.float32)
    targets = (design.sum(1) + rng.normal(size=n) + 3).astype(np.float32)
    row = csr_matrix(np.zeros(n, int), np.arange(n), targets, (1, n))
    found = RowSolver(row).solve(row.data, design, ones=True, penalty=np.ones((1, size + 1)))
    exact = np.column_stack([design, np.ones(n)]).astype(np.float64)
    expected = np.linalg.solve(exact.T @ exact + np.eye(size + 1), exact.T @ targets)
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


def test_rows_without_entries_are_zero_unless_drawn_or_given(ratings: Any) -> None:
    rows, design = RowSolver(ratings), np.ones((20, 2))
    assert not rows.solve(ratings.data, design, penalty=np.ones((N_ROWS, 2)))[-1].any()
    own = rows.solve(ratings.data, design, gram=2 * np.eye(2), linear=np.ones((N_ROWS, 2)))
    np.testing.assert_allclose(own[-1], 0.5)


# -- users


@pytest.fixture(scope="module")
def regression(ratings: sparse.csr_array, given: dict[str, Any]) -> UserRegression:
    base = np.random.default_rng(1).normal(size=20)
    rest = {name: given[name] for name in ("design", "penalty", "gram", "weights")}
    return UserRegression(ratings, base, **rest)


def test_contributions_of_a_users_ratings_sum_to_the_prediction(
    regression: UserRegression, ratings: Any, given: dict[str, Any]
) -> None:
    inside = slice(*ratings.indptr[3:5])
    one = UserRegression(
        ratings[[3]],
        regression.base,
        regression.design,
        regression.penalty[[3]],
        regression.gram,
        given["weights"][inside],
    )
    matrix, _, weighted = normal_equations(ratings, given, 3)
    shares = np.linalg.solve(matrix, weighted)
    np.testing.assert_allclose(one.influence(7), regression.design[7] @ shares, atol=1e-6)
    base, parts = one.contributions(7)
    assert base == regression.base[7]
    assert parts.sum() == pytest.approx(regression.design[7] @ regression.solve()[3], abs=1e-4)


@pytest.mark.parametrize("rated", [[0], [0, 1]])
def test_without_a_penalty_the_smallest_solution_is_found(rated: list[int]) -> None:
    design = np.array([[2.0, 0, 0], [2, 0, 0], [0, 0, 0]])
    ratings = csr_matrix(np.zeros_like(rated), rated, np.full(len(rated), 3.0), (1, 3))
    x = UserRegression(ratings, np.zeros(3), design, np.zeros((1, 3))).solve()
    np.testing.assert_allclose(x, [[1.5, 0, 0]], atol=1e-4)
    nothing = UserRegression(ratings, np.zeros(3), np.zeros((3, 3)), np.zeros((1, 3)))
    assert not nothing.solve().any()
    assert not nothing.influence(0).any()


def test_early_stopping_is_worth_about_its_penalty() -> None:
    """Along a direction of curvature h, gradient descent has come 1 - (1 - g h)^T of the way."""
    for curvature in (0.1, 1.0, 10.0):
        come = 1 - (1 - 1e-3 * curvature) ** 800
        assert come == pytest.approx(
            curvature / (curvature + worth_of_stopping(1e-3, 800)), rel=0.3
        )
