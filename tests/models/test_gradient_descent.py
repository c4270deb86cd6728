import logging

import numpy as np
import pytest
import torch

from fivestar.metrics import rmse
from fivestar.models import build, threads
from fivestar.models.sparse_products import SparseRows, dot_products_at
from fivestar.ratings import csr_matrix, observed

from .behaviour import SCALE, ModelBehaviour, planted

COURSE = {
    "family": "gradient_descent",
    "n_factors": 2,
    "optimizer": "sgd",
    "learning_rate": 25,
    "momentum": 0,
    "n_steps": 500,
    "stopping": None,
    "biases": False,
    "init_scale": 1,
    "regularization": 0,
    "clamp": False,
    "bias_fallback": False,
}
STILL = {**COURSE, "n_steps": 1, "learning_rate": 1e-30}
"""A step that leaves the weights as they were drawn."""


class TestGradientDescent(ModelBehaviour):
    settings = {"family": "gradient_descent", "n_steps": 200, "measure_every": 50}
    planted_rmse = 0.5


class TestPlainGradientDescent(ModelBehaviour):
    settings = {
        "family": "gradient_descent",
        "optimizer": "sgd",
        "learning_rate": 3.0,
        "regularization": 2.0,
        "frequency_power": 0.0,
        "measure_every": 100,
    }
    planted_rmse = 0.4


class TestCourseModel(ModelBehaviour):
    # The course's rate of 25 is stable at about a thousand users and items, not at a handful.
    settings = {**COURSE, "learning_rate": 1, "n_steps": 300, "measure_every": 100}
    planted_rmse = 0.65
    fold_in_tolerance = 0.25  # what is left of each user's random start is not folded in


def one_to_five(seed: int = 0, shape: tuple[int, int] = (12, 9)):
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random(shape) < 0.6)
    stars = rng.integers(1, 6, users.size).astype(float)
    return csr_matrix(users, items, stars, shape)


def fitted(train, **settings):
    model = build({"family": "gradient_descent", **settings})
    model.fit(train, scale=SCALE)
    return model


def test_one_step_of_the_course_is_the_dense_gradient() -> None:
    train = one_to_five()
    before, after = fitted(train, **STILL), fitted(train, **{**STILL, "learning_rate": 0.5})
    A, F = before.user_factors.astype(float), before.item_factors.astype(float).T
    mask = np.zeros(train.shape)
    mask[observed(train)[:2]] = 1
    errors = mask * (A @ F - train.toarray())
    np.testing.assert_allclose(
        after.user_factors, A - 0.5 * 2 * errors @ F.T / train.nnz, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        after.item_factors.T, F - 0.5 * 2 * A.T @ errors / train.nnz, rtol=1e-4, atol=1e-6
    )


def test_trajectory_of_the_course_is_that_of_dense_matrices() -> None:
    train, steps, rate = one_to_five(shape=(40, 30)), 200, 2.0
    settings = {**COURSE, "n_factors": 5, "learning_rate": rate, "init_scale": 0.3}
    start = fitted(train, **{**settings, "n_steps": 0})
    model = build({"family": "gradient_descent", **settings, "n_steps": steps})
    history = model.fit(train, scale=SCALE)
    A, F = start.user_factors.astype(float), start.item_factors.astype(float).T
    mask, errors = train.toarray() > 0, []
    for _ in range(steps + 1):
        E = mask * (train.toarray() - A @ F)
        errors.append(np.sqrt(np.square(E).sum() / train.nnz))
        last = A, F
        A, F = A + rate * 2 / train.nnz * E @ F.T, F + rate * 2 / train.nnz * A.T @ E
    assert errors[-1] < errors[0] / 3
    np.testing.assert_allclose(history.train_rmse, errors[:: model.measure_every], atol=1e-5)
    np.testing.assert_allclose(model.user_factors, last[0], atol=1e-4)
    np.testing.assert_allclose(model.item_factors.T, last[1], atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"rating_weights": "balanced", "whole_stars": True}])
def test_results_are_the_same_with_any_number_of_threads(
    settings: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, _ = planted(60, 40)
    monkeypatch.setattr(threads, "WORTH_A_WAITING_THREAD", 1)
    found = []
    for n_threads in ("1", "3"):
        monkeypatch.setenv("FIVESTAR_NUM_THREADS", n_threads)
        model = build({"family": "gradient_descent", "n_steps": 9, "measure_every": 3, **settings})
        history = model.fit(train, scale=SCALE)
        found.append((model.user_factors, model.item_bias, history.train_rmse))
    for alone, together in zip(*found, strict=True):
        np.testing.assert_array_equal(alone, together)


def test_results_are_the_same_wherever_the_arrays_lie() -> None:
    train, _ = planted(60, 40)
    rng, kept, found = np.random.default_rng(0), [], set()
    for _ in range(60):
        model = build({"family": "gradient_descent", "n_steps": 9, "rating_weights": "balanced"})
        model.fit(train, scale=SCALE)
        found.add(model.item_factors.tobytes())
        kept.append(np.empty(rng.integers(1, 2000)))  # so that the next arrays lie elsewhere
        if len(kept) > 20:
            del kept[rng.integers(20)]
    assert len(found) == 1


@pytest.mark.parametrize("settings", [{}, {"clamp": False}, {"whole_stars": True}])
def test_learning_curves_measure_the_models_own_predictions(settings: dict) -> None:
    train, validation = planted(50, 40)
    model = build({"family": "gradient_descent", "n_steps": 7, "stopping": None, **settings})
    model.bias_fallback = False
    history = model.fit(train, validation, scale=SCALE)
    for part, curve in ((train, history.train_rmse), (validation, history.validation_rmse)):
        users, items, stars = observed(part)
        assert curve[-1] == pytest.approx(rmse(stars, model.predict(users, items)), abs=1e-5)


def test_one_step_with_biases_and_penalty_is_the_dense_gradient() -> None:
    train = one_to_five()
    settings = {**STILL, "biases": True, "regularization": 3, "frequency_power": 0.5}
    before, after = fitted(train, **settings), fitted(train, **{**settings, "learning_rate": 0.5})
    users, items, stars = observed(train)
    A, F = before.user_factors.astype(float), before.item_factors.astype(float)
    errors = np.zeros(train.shape)
    errors[users, items] = stars.mean() + (A[users] * F[items]).sum(axis=1) - stars
    counts = np.bincount(users)
    weights = 3 * np.sqrt(counts / counts.mean())[:, None]
    np.testing.assert_allclose(
        after.user_factors, A - (errors @ F + weights * A) / train.nnz, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(after.user_bias, -errors.sum(axis=1) / train.nnz, atol=1e-6)
    np.testing.assert_allclose(after.item_bias, -errors.sum(axis=0) / train.nnz, atol=1e-6)


def test_gradients_agree_with_finite_differences() -> None:
    train = one_to_five()
    train.data = train.data.astype(np.float64)
    generator = torch.Generator().manual_seed(0)
    sides = [
        torch.randn((n, 3), generator=generator, dtype=torch.float64).requires_grad_()
        for n in train.shape
    ]
    rated = SparseRows(train)
    assert torch.autograd.gradcheck(lambda *pair: dot_products_at(rated, *pair), sides)


def test_a_rating_of_zero_counts() -> None:
    train = csr_matrix([0, 0, 2], [1, 3, 0], np.array([0.0, 4, 2]), (3, 4))
    rated = SparseRows(train)
    errors = dot_products_at(rated, torch.ones(3, 2), torch.ones(4, 2)) - rated.values
    np.testing.assert_array_equal(errors, [2, -2, 0])
    model = fitted(train, n_steps=1)
    assert np.isfinite(model.predict(np.array([0]), np.array([1]))).all()


def test_adam_moves_rarely_and_often_rated_items_alike() -> None:
    model = fitted(
        one_to_five(), n_steps=1, learning_rate=0.01, init_scale=0, bias_regularization=0
    )
    moved = np.abs(model.item_bias)
    np.testing.assert_allclose(moved[moved > 0], 0.01, rtol=1e-3)


def test_initial_factors_are_standard_normal() -> None:
    model = fitted(csr_matrix([0], [0], np.array([3.0]), (3000, 2000)), **STILL)
    for factors in (model.user_factors, model.item_factors):
        assert abs(factors.mean()) < 0.05
        assert factors.std() == pytest.approx(1, abs=0.05)


def test_number_of_parameters() -> None:
    train = one_to_five()
    assert fitted(train, **STILL).n_parameters == 2 * (12 + 9)
    assert fitted(train, n_factors=3, n_steps=1).n_parameters == (3 + 1) * (12 + 9)


def test_course_model_predicts_the_product_alone_and_unclamped() -> None:
    model = fitted(one_to_five(), **STILL)
    users, items = (grid.ravel() for grid in np.indices((12, 9)))
    product = (model.user_factors @ model.item_factors.T)[users, items]
    np.testing.assert_allclose(model.predict(users, items), product, rtol=1e-5, atol=1e-6)
    assert product.min() < SCALE.lowest


def test_early_stopping_restores_the_best_step() -> None:
    train, validation = planted(n_users=60, n_items=40, share=0.3)
    overfitting = {"regularization": 0, "bias_regularization": 0, "measure_every": 1}
    overfitting |= {"bias_fallback": False}
    stopping = {"patience": 5, "min_improvement": 0}
    model = build({"family": "gradient_descent", **overfitting, "stopping": stopping})
    history = model.fit(train, validation, scale=SCALE)
    assert history.ending == "early stopping"
    assert history.steps[-1] == history.best_step + 5
    assert history.best_step == history.steps[int(np.argmin(history.validation_rmse))]

    again = model.for_refit(history)
    again.fit(train, scale=SCALE)
    np.testing.assert_array_equal(again.user_factors, model.user_factors)
    np.testing.assert_array_equal(again.item_bias, model.item_bias)


def test_too_large_a_learning_rate_keeps_the_last_good_weights(
    caplog: pytest.LogCaptureFixture,
) -> None:
    train, validation = planted()
    model = build({**COURSE, "learning_rate": 1e4})
    with caplog.at_level(logging.WARNING, logger="fivestar"):
        history = model.fit(train, validation, scale=SCALE)
    assert history.ending == "diverged"
    assert "diverged" in caplog.text
    users, items, _ = observed(validation)
    assert np.isfinite(model.user_factors).all()
    assert np.isfinite(model.predict(users, items)).all()
    best = int(np.argmin(history.validation_rmse))
    assert history.best_step == history.steps[best]


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    fitted(one_to_five(), n_steps=1)
    assert torch.rand(1) == expected
