"""Counts against brute force, gradients against differences, planted clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from fivestar.analysis import co_likes as module
from fivestar.analysis.co_likes import (
    Embedding,
    co_likes,
    cost_and_gradient,
    largest_eigenvalue,
    likes,
    nearest,
    sum_of_squares,
)


def clusters(n_users: int = 60, n_items: int = 30, n: int = 3) -> sparse.csr_array:
    """Users and items of n kinds; most likes stay within a kind."""
    rng = np.random.default_rng(0)
    same = np.arange(n_users)[:, None] % n == np.arange(n_items) % n
    liked = rng.random(same.shape) < np.where(same, 0.6, 0.05)
    return sparse.csr_array(liked.astype(np.float32))


# -- counts


def test_counts_are_those_of_pairs_and_every_item_has_a_row() -> None:
    ratings = np.zeros((4, 5), dtype=np.float32)
    ratings[0, 1:4] = 5, 4, 3.5
    ratings[1, 1:3] = 4.5, 5
    ratings[2, [1, 4]] = 4, 5
    ratings[3, 3] = 1
    liked = likes(sparse.csr_array(ratings), 4)
    np.testing.assert_array_equal(liked.toarray(), ratings >= 4)
    counts = co_likes(liked)
    expected = np.zeros((5, 5))
    expected[1, 2] = expected[2, 1] = 2
    expected[1, 4] = expected[4, 1] = 1
    np.testing.assert_array_equal(counts.toarray(), expected)
    assert counts.nnz == 4


def test_a_rating_at_the_threshold_is_a_like_though_it_is_stored_in_32_bits() -> None:
    ratings = sparse.csr_array(np.array([[3.6, 3.5]], dtype=np.float32))
    assert likes(ratings, 0.8 * 4.5).toarray().tolist() == [[1, 0]]


# -- embedding


def embed(counts: sparse.csr_array, **settings: Any) -> Embedding:
    usual = {"momentum": 0.9, "n_epochs": 100, "init_scale": 0.1, "seed": 42, "label": "co-likes"}
    return module.embed(counts, **{**usual, **settings})


def test_cost_and_gradient_are_those_of_the_dense_sum() -> None:
    counts = co_likes(clusters()).astype(np.float64)
    vectors = np.random.default_rng(1).normal(size=(counts.shape[0], 4))
    cost, gradient = cost_and_gradient(vectors, counts, sum_of_squares(counts))

    learning = torch.from_numpy(vectors).requires_grad_()
    off_diagonal = 1 - torch.eye(len(vectors))
    error = (learning @ learning.T - torch.from_numpy(counts.toarray())) * off_diagonal
    dense = error.square().sum()
    dense.backward()
    assert cost == pytest.approx(dense.item(), rel=1e-10)
    np.testing.assert_allclose(gradient, learning.grad, rtol=1e-9)


def test_gradient_is_that_of_finite_differences() -> None:
    counts = co_likes(clusters()).astype(np.float64)
    rng = np.random.default_rng(2)
    vectors, step = rng.normal(size=(2, counts.shape[0], 3))
    _, gradient = cost_and_gradient(vectors, counts, 0.0)
    small = 1e-5
    ahead, behind = (cost_and_gradient(vectors + s * step, counts, 0.0)[0] for s in (small, -small))
    assert (ahead - behind) / (2 * small) == pytest.approx(np.sum(gradient * step), rel=1e-6)


@pytest.mark.parametrize(("optimizer", "rate"), [("adam", 0.01), ("sgd", 0.1)])
def test_costs_fall_and_are_those_of_the_vectors(optimizer: str, rate: float) -> None:
    counts = co_likes(clusters())
    run = embed(counts, rank=3, optimizer=optimizer, learning_rate=rate, n_epochs=200)
    assert run.diverged_at is None
    assert len(run.costs) == 201
    assert run.costs[run.best_epoch] == min(run.costs)
    zeros = sum_of_squares(counts)
    cost = cost_and_gradient(run.vectors.astype(float), counts, zeros)[0]
    assert cost == pytest.approx(run.costs[run.best_epoch], rel=1e-4)
    # The best of rank 3 that leaves the diagonal free is no worse than cutting the spectrum.
    spectrum = np.linalg.eigvalsh(counts.toarray())
    assert cost < np.square(spectrum[:-3]).sum()
    assert cost < 0.3 * zeros


def test_planted_clusters_are_nearest() -> None:
    counts = co_likes(clusters())
    run = embed(counts, rank=3, optimizer="adam", learning_rate=0.01, n_epochs=200)
    everything = np.ones(counts.shape[0], dtype=bool)
    for liked in range(6):
        indices, cosines = nearest(run.vectors, [liked], everything, 9)
        assert set(indices % 3) == {liked % 3}
        assert liked not in indices
        assert (np.diff(cosines) <= 0).all()
    indices, _ = nearest(run.vectors, [0, 3], everything & (np.arange(30) != 6), 8)
    assert set(indices) == {9, 12, 15, 18, 21, 24, 27} | set(indices[indices % 3 != 0])
    assert not {0, 3, 6} & set(indices)


def test_diverging_run_stops_and_keeps_the_finite_costs() -> None:
    run = embed(co_likes(clusters()), rank=3, optimizer="sgd", learning_rate=5.0)
    assert run.diverged_at is not None
    assert 1 < len(run.costs) == run.diverged_at < 30
    assert np.isfinite(run.costs).all()
    assert np.isfinite(run.vectors).all()


def test_rates_mean_the_same_for_many_times_the_people() -> None:
    counts = co_likes(clusters())
    one = embed(counts, rank=3, optimizer="adam", learning_rate=0.01, n_epochs=20)
    many = embed(100 * counts, rank=3, optimizer="adam", learning_rate=0.01, n_epochs=20)
    np.testing.assert_allclose(many.vectors, 10 * one.vectors, rtol=1e-3, atol=1e-3)


def test_no_co_likes_at_all_give_finite_vectors() -> None:
    nothing = sparse.csr_array((12, 12), dtype=np.float32)
    run = embed(nothing, rank=2, optimizer="adam", learning_rate=0.01, n_epochs=5)
    assert np.isfinite(run.vectors).all()
    assert run.diverged_at is None


@pytest.mark.parametrize("n_items", [3, 30])
def test_largest_eigenvalue(n_items: int) -> None:
    counts = co_likes(clusters(n_items=n_items))
    expected = np.linalg.eigvalsh(counts.toarray())[-1]
    assert largest_eigenvalue(counts) == pytest.approx(expected, rel=1e-3)
