"""SVD++, PMF, gravity, diagonal, truncated SVD, minibatch SGD and the dot product with biases."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from fivestar.models import Model, build
from fivestar.models.factorization.full_batch import add_gravity
from fivestar.models.factorization.squared_errors import Weights
from fivestar.ratings import csr_matrix, observed

from .behaviour import SCALE, ModelBehaviour, planted


def one_to_five(seed: int = 0, shape: tuple[int, int] = (12, 9)) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random(shape) < 0.6)
    stars = rng.integers(1, 6, users.size).astype(float)
    return csr_matrix(users, items, stars, shape)


def fitted(train: sparse.csr_array, **settings: Any) -> Any:
    model: Model = build(settings)
    model.fit(train, scale=SCALE)
    return model


def all_pairs(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    users, items = np.indices(shape)
    return users.ravel(), items.ravel()


# -- SVD++

SVDPP = {
    "family": "svdpp",
    "n_factors": 8,
    "learning_rate": 0.05,
    "bias_learning_rate": 0.02,
    "init_scale": 0.05,
    "n_steps": 60,
    "stopping": None,
    "measure_every": 20,
}


class TestSVDpp(ModelBehaviour):
    settings = SVDPP
    planted_rmse = 0.42


def test_one_step_of_svdpp_is_its_docstring_written_out() -> None:
    train = one_to_five()
    settings = {**SVDPP, "n_factors": 3, "init_scale": 0.3, "averaging": 0, "n_steps": 1}
    still = {"learning_rate": 1e-30, "bias_learning_rate": 1e-30}
    before, after = fitted(train, **settings | still), fitted(train, **settings)
    p, q, y = before.user_factors, before.item_factors, before.implicit_factors
    b_user, b_item = np.zeros(12), np.zeros(9)
    random = np.random.default_rng(before.seed)
    for n in (12, 9, 9):
        random.standard_normal((n, 3), dtype=np.float32)
    for u in random.permutation(12):
        rated = train.indices[train.indptr[u] : train.indptr[u + 1]]
        stars = train.data[train.indptr[u] : train.indptr[u + 1]]
        norm = 1 / np.sqrt(len(rated))
        implicit, gradient = norm * y[rated].sum(0), np.zeros(3)
        for i, star in zip(rated, stars, strict=True):
            profile, q_old = p[u] + implicit, q[i].copy()
            e = star - before.mean[0] - b_user[u] - b_item[i] - q_old @ profile
            b_user[u] += 0.02 * (e - 0.05 * b_user[u])
            b_item[i] += 0.02 * (e - 0.05 * b_item[i])
            gradient += norm * e * q_old
            p[u] += 0.05 * (e * q_old - 0.06 * p[u])
            q[i] += 0.05 * (e * profile - 0.06 * q_old)
        y[rated] += 0.05 * (gradient - 0.2 * y[rated])
    for ours, expected in (
        (after.user_factors, p),
        (after.item_factors, q),
        (after.implicit_factors, y),
        (after.user_bias, b_user),
        (after.item_bias, b_item),
    ):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    counts = np.maximum(np.diff(train.indptr), 1)[:, None]
    profiles = after.user_factors + (train.toarray() > 0) @ after.implicit_factors / counts**0.5
    np.testing.assert_allclose(after.profiles, profiles, atol=1e-5)


def test_svdpp_learns_from_what_was_rated_alone() -> None:
    """Two groups rate other items, all with 3 stars, and differ in their stars of item 40."""
    rng = np.random.default_rng(0)
    group = np.arange(200) % 2
    rated = (rng.random((200, 40)) < 0.3) & (np.arange(40) // 20 == group[:, None])
    stars = np.where(rated, 3.0, 0)
    asked = np.arange(200) >= 150
    of_last = np.where(asked, 0, np.where(group, 5.0, 1.0))
    stars = np.column_stack([stars, of_last])
    users, items = np.nonzero(stars)
    train = csr_matrix(users, items, stars[users, items], stars.shape)
    model = fitted(train, **SVDPP | {"implicit_regularization": 0.001, "n_steps": 200})
    predicted = model.predict(np.flatnonzero(asked), np.full(50, 40))
    assert predicted[group[asked] == 1].mean() - predicted[group[asked] == 0].mean() > 2


# -- full batch: PMF, gravity, diagonal


SHORT = {"n_steps": 200, "measure_every": 50}


class TestPMF(ModelBehaviour):
    settings = {"family": "pmf", "user_regularization": 2.0, "item_regularization": 2.0, **SHORT}
    planted_rmse = 0.5


class TestMFGravity(ModelBehaviour):
    settings = {"family": "mf_gravity", "n_factors": 4, **SHORT}
    planted_rmse = 0.5


class TestMFDiagonal(ModelBehaviour):
    settings = {"family": "mf_diagonal", "n_factors": 4, "regularization": 3.0, **SHORT}
    planted_rmse = 0.5


CONVERGED = {"n_factors": 2, "n_steps": 1500, "stopping": None, "measure_every": 1500}


def test_pmf_is_at_the_mode_of_its_posterior() -> None:
    """There, every vector is the ridge regression on those of the other side."""
    train = one_to_five()
    settings = {"user_regularization": 1.0, "item_regularization": 3.0, "learning_rate": 0.02}
    model = fitted(train, family="pmf", **CONVERGED | settings)
    for matrix, own, other, strength in (
        (train, model.user_factors, model.item_factors, 1.0),
        (train.T.tocsr(), model.item_factors, model.user_factors, 3.0),
    ):
        for row in range(matrix.shape[0]):
            inside = slice(matrix.indptr[row], matrix.indptr[row + 1])
            design = other[matrix.indices[inside]].astype(float)
            stars = matrix.data[inside] - model.mean[0]
            gram = design.T @ design + strength * np.eye(2)
            expected = np.linalg.solve(gram, design.T @ stars)
            np.testing.assert_allclose(own[row], expected, atol=2e-3)


def test_pmf_has_no_biases() -> None:
    model = fitted(one_to_five(), family="pmf", n_factors=3, n_steps=1)
    assert model.n_parameters == 3 * (12 + 9)


def test_gravity_by_gram_matrices_has_the_gradient_of_the_sum_over_all_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    sides = [torch.randn(n, 5, generator=generator).double().requires_grad_() for n in (30, 20)]
    loss = 0.7 * (sides[0] @ sides[1].T).square().sum()
    weights = [Weights(side.detach().numpy(), np.empty(0)) for side in sides]
    ours = [Weights(np.zeros(side.shape), np.empty(0)) for side in sides]
    add_gravity(0.7, (weights[0], weights[1]), (ours[0], ours[1]))
    for gradient, expected in zip(ours, torch.autograd.grad(loss, sides), strict=True):
        np.testing.assert_allclose(2 * gradient.factors, expected)


def test_one_step_with_gravity_is_the_dense_gradient() -> None:
    train = one_to_five()
    settings = {"family": "mf_gravity", "n_factors": 3, "optimizer": "sgd", "momentum": 0}
    settings |= {"regularization": 0.5, "gravity": 2.0, "init_scale": 1.0, "n_steps": 1}
    before = fitted(train, **settings, learning_rate=1e-30)
    after = fitted(train, **settings, learning_rate=0.1)
    users, items, stars = observed(train)
    A, F = before.user_factors.astype(float), before.item_factors.astype(float)
    errors = np.zeros(train.shape)
    errors[users, items] = stars.mean() + (A[users] * F[items]).sum(1) - stars
    everywhere = 2.0 / A.shape[0] / F.shape[0] * (A @ F.T)
    gradient = 2 * (errors @ F / train.nnz + 0.5 / A.shape[0] * A + everywhere @ F)
    np.testing.assert_allclose(after.user_factors, A - 0.1 * gradient, rtol=1e-4, atol=1e-6)
    gradient = 2 * (errors.T @ A / train.nnz + 0.5 / F.shape[0] * F + everywhere.T @ A)
    np.testing.assert_allclose(after.item_factors, F - 0.1 * gradient, rtol=1e-4, atol=1e-6)


def test_gravity_pulls_the_products_of_unrated_pairs_towards_zero() -> None:
    train, _ = planted(share=0.2)
    unrated = train.toarray() == 0
    sizes = []
    for gravity in (0.0, 1.0):
        model = fitted(train, family="mf_gravity", gravity=gravity, regularization=0.01)
        sizes.append(np.square(model.user_factors @ model.item_factors.T)[unrated].mean())
    assert sizes[1] < sizes[0] / 3


def test_diagonal_model_predicts_the_product_of_three_matrices() -> None:
    train = one_to_five()
    model = fitted(train, family="mf_diagonal", n_factors=3, n_steps=30, clamp=False)
    assert not np.allclose(model.diagonal, model.diagonal[0])
    product = model.user_factors @ np.diag(model.diagonal) @ model.item_factors.T
    expected = model.global_mean + model.user_bias[:, None] + model.item_bias + product
    predicted = model.predict(*all_pairs(train.shape)).reshape(train.shape)
    np.testing.assert_allclose(predicted, expected, atol=1e-5)
    assert model.n_parameters == 3 + (3 + 1) * (12 + 9)


def test_diagonal_switches_off_the_factors_that_are_not_needed() -> None:
    train, _ = planted(rank=2)
    settings = {
        "family": "mf_diagonal",
        "n_factors": 6,
        "regularization": 5.0,
        "learning_rate": 0.05,
    }
    model = fitted(train, **settings, diagonal_regularization=5.0)
    used = np.sort(np.abs(model.diagonal))
    assert used[-2] > 0.5
    assert used[:-2].max() < 0.1


# -- SVD


class TestSVD(ModelBehaviour):
    settings = {"family": "svd", "n_factors": 4, "shrinkage": 4.0}
    planted_rmse = 0.45


class TestSarwarsSVD(ModelBehaviour):
    settings = {"family": "svd", "n_factors": 3, "fill": "item_mean", "shrinkage": 0, "n_steps": 1}
    planted_rmse = 0.7


@pytest.mark.parametrize("shrinkage", [0.0, 1.5])
@pytest.mark.parametrize("fill", ["bias", "item_mean"])
def test_one_step_is_the_truncated_svd_of_the_filled_matrix(fill: str, shrinkage: float) -> None:
    train = one_to_five()
    settings = {"family": "svd", "fill": fill, "shrinkage": shrinkage, "n_steps": 1}
    model = fitted(train, n_factors=3, clamp=False, **settings)
    base = model.global_mean + model.user_bias[:, None] + model.item_bias
    if fill == "item_mean":
        np.testing.assert_allclose(base, np.tile(model.user_means[:, None], 9), rtol=1e-5)
    gaps = base if fill == "bias" else np.tile(model.item_means, (12, 1))
    filled = np.where(train.toarray() > 0, train.toarray(), gaps) - base
    u, s, vt = np.linalg.svd(filled)
    expected = base + u[:, :3] * np.maximum(s[:3] - shrinkage, 0) @ vt[:3]
    predicted = model.predict(*all_pairs(train.shape)).reshape(train.shape)
    np.testing.assert_allclose(predicted, expected, atol=1e-4)


def test_every_filling_lowers_the_penalised_error() -> None:
    train, _ = planted(60, 40)
    users, items, stars = observed(train)
    losses = []
    for n_steps in range(1, 8):
        model = fitted(train, family="svd", n_factors=30, shrinkage=3.0, n_steps=n_steps)
        model.clamp = False
        error = np.square(stars - model.predict(users, items), dtype=np.float64).sum()
        size = np.square(model.user_factors).sum() + np.square(model.item_factors).sum()
        losses.append(error / 2 + 3.0 / 2 * size)
    assert (np.diff(losses) < 0).all()


# -- minibatches: SGD with momentum, dot product with biases


class TestMFSGD(ModelBehaviour):
    settings = {
        "family": "mf_sgd",
        "n_factors": 4,
        "batch_size": 256,
        "learning_rate": 0.015,
        "init_scale": 0.1,
        "averaging": 0.95,
        "n_steps": 20,
        "measure_every": 20,
    }
    planted_rmse = 0.42


class TestDotBias(ModelBehaviour):
    settings = {
        "family": "dot_bias",
        "n_factors": 4,
        "batch_size": 256,
        "init_scale": 0.1,
        "averaging": 0.95,
        "n_steps": 20,
        "measure_every": 20,
    }
    planted_rmse = 0.45


def test_minibatch_sgd_keeps_to_the_heavy_ball_rule() -> None:
    """One batch of all ratings a step; the gradient is that of the dense matrices."""
    train = one_to_five()
    settings = {"family": "mf_sgd", "n_factors": 3, "batch_size": 1000, "init_scale": 0.5}
    settings |= {"regularization": 0.3, "bias_regularization": 0.2, "averaging": 0}
    start = fitted(train, **settings, learning_rate=1e-30, n_steps=1)
    after = fitted(train, **settings, learning_rate=0.01, momentum=0.8, n_steps=3)
    mask = train.toarray() > 0
    p, q = start.user_factors.astype(float), start.item_factors.astype(float)
    weights = [p, q, np.zeros(12), np.zeros(9)]
    speeds = [np.zeros_like(weight) for weight in weights]
    for _ in range(3):
        p, q, b_user, b_item = weights
        errors = mask * (start.global_mean + b_user[:, None] + b_item + p @ q.T - train.toarray())
        of_user, of_item = mask.sum(1), mask.sum(0)
        gradients = [
            errors @ q + 0.3 * of_user[:, None] * p,
            errors.T @ p + 0.3 * of_item[:, None] * q,
            errors.sum(1) + 0.2 * of_user * b_user,
            errors.sum(0) + 0.2 * of_item * b_item,
        ]
        speeds = [0.8 * v + g for v, g in zip(speeds, gradients, strict=True)]
        weights = [w - 0.01 * v for w, v in zip(weights, speeds, strict=True)]
    ours = (after.user_factors, after.item_factors, after.user_bias, after.item_bias)
    for own, expected in zip(ours, weights, strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-5)


def test_average_is_that_of_the_updates() -> None:
    """With averaging, the kept weights trail: decay min(a, t / (t + 9)) at update t."""
    train = one_to_five()
    settings = {"family": "mf_sgd", "n_factors": 2, "batch_size": 1000, "learning_rate": 0.01}
    last = [fitted(train, **settings, averaging=0, n_steps=n).item_bias for n in (1, 2, 3)]
    expected = np.zeros(9)
    for n, iterate in enumerate(last, start=1):
        expected += (1 - min(0.15, n / (n + 9))) * (iterate - expected)
    averaged = fitted(train, **settings, averaging=0.15, n_steps=3).item_bias
    np.testing.assert_allclose(averaged, expected, rtol=1e-5)


def test_dot_bias_starts_at_the_mean_and_stays_within_the_margin() -> None:
    train = one_to_five()
    settings = {"family": "dot_bias", "init_scale": 0, "clamp": False, "margin": 0.5}
    users, items, _ = observed(train)
    mean = fitted(train, **settings, learning_rate=1e-30, n_steps=1)
    np.testing.assert_allclose(mean.predict(users, items), mean.mean[0], rtol=1e-5)
    wild = fitted(train, **{**settings, "init_scale": 30.0}, learning_rate=1e-30, n_steps=1)
    stars = wild.predict(users, items)
    assert stars.min() >= 0.5
    assert stars.max() <= 5.5
    assert stars.max() - stars.min() > 4.9


def test_dot_bias_is_the_sigmoid_of_the_product() -> None:
    train = one_to_five()
    model = fitted(train, family="dot_bias", n_factors=3, n_steps=5, clamp=False, margin=1)
    logits = model.user_factors @ model.item_factors.T + model.user_bias[:, None] + model.item_bias
    share = model.mean[0] / 6
    expected = 6 / (1 + np.exp(-logits) * (1 - share) / share)
    predicted = model.predict(*all_pairs(train.shape)).reshape(train.shape)
    np.testing.assert_allclose(predicted, expected, rtol=1e-4)
