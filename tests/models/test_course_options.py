"""The course's list of improvements: each is a setting, and each acts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fivestar.models import Model, build
from fivestar.models.factorization.targets import random_fraction, rating_weights, shift_and_scale
from fivestar.ratings import csr_matrix, observed

from .behaviour import SCALE, planted

COURSE = {
    "family": "gradient_descent",
    "n_factors": 2,
    "optimizer": "sgd",
    "learning_rate": 5,
    "momentum": 0,
    "n_steps": 100,
    "stopping": None,
    "biases": False,
    "init_scale": 1,
    "regularization": 0,
    "clamp": False,
    "bias_fallback": False,
}


@pytest.fixture(scope="module")
def parts() -> tuple[sparse.csr_array, sparse.csr_array]:
    """Whole stars, the low ones rare."""
    whole = []
    for part in planted():
        users, items, stars = observed(part)
        whole.append(csr_matrix(users, items, np.clip(np.rint(stars + 0.7), 1, 5), part.shape))
    return whole[0], whole[1]


def fitted(parts: tuple[sparse.csr_array, sparse.csr_array], **changes: Any) -> Model:
    model = build({**COURSE, **changes})
    model.fit(*parts, scale=SCALE)
    return model


def predictions(model: Model, part: sparse.csr_array) -> np.ndarray:
    users, items, _ = observed(part)
    return model.predict(users, items)


@pytest.fixture(scope="module")
def of_the_course(parts: tuple[sparse.csr_array, sparse.csr_array]) -> np.ndarray:
    return predictions(fitted(parts), parts[1])


@pytest.mark.parametrize(
    "change",
    [
        {"n_factors": 4},
        {"learning_rate": 2},
        {"n_steps": 50},
        {"init_scale": 0.1},
        {"stopping": {"patience": 2}, "n_steps": 2000, "measure_every": 10},
        {"biases": True},
        {"regularization": 5},
        {"momentum": 0.5},
        {"optimizer": "adam", "learning_rate": 0.05},
        {"rating_scaling": "standardise"},
        {"rating_scaling": "min_max"},
        {"rating_weights": "balanced"},
        {"rating_weights": "upsample"},
        {"train_share": 0.5},
        {"whole_stars": True},
    ],
    ids=str,
)
def test_each_setting_changes_the_predictions(
    change: dict[str, Any], parts: tuple, of_the_course: np.ndarray
) -> None:
    changed = predictions(fitted(parts, **change), parts[1])
    assert np.abs(changed - of_the_course).max() > 0.01


def test_the_diagonal_matrix_multiplies_the_factors(parts: tuple) -> None:
    of_diagonal = {k: v for k, v in COURSE.items() if k != "family"}
    of_diagonal |= {"diagonal_regularization": 0, "learning_rate": 0.5}
    model: Any = build({**of_diagonal, "family": "mf_diagonal"})
    model.fit(*parts, scale=SCALE)
    users, items, _ = observed(parts[0])
    by_hand = (model.user_factors[users] * model.diagonal * model.item_factors[items]).sum(axis=1)
    np.testing.assert_allclose(model.predict(users, items), by_hand, rtol=1e-4, atol=1e-4)
    assert not np.allclose(model.diagonal, 1)


def test_clamping_keeps_to_the_scale_what_would_leave_it(parts: tuple) -> None:
    free = predictions(fitted(parts, n_steps=1), parts[1])
    clamped = predictions(fitted(parts, n_steps=1, clamp=True), parts[1])
    assert free.min() < SCALE.lowest
    np.testing.assert_array_equal(clamped, np.clip(free, SCALE.lowest, SCALE.highest))


def test_rounding_gives_whole_stars_and_clamping_stays_on_the_scale(parts: tuple) -> None:
    whole = predictions(fitted(parts, whole_stars=True, clamp=True), parts[1])
    assert set(np.unique(whole)) <= {1, 2, 3, 4, 5}


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("scaling", ["standardise", "min_max"])
def test_scaling_is_undone_at_prediction(scaling: str, biases: bool, parts: tuple) -> None:
    model = fitted(parts, rating_scaling=scaling, biases=biases, n_steps=400, init_scale=0.1)
    stars = predictions(model, parts[0])
    assert abs(stars.mean() - parts[0].data.mean()) < 0.1
    assert np.sqrt(np.mean((stars - parts[0].data) ** 2)) < 0.75


def test_standardised_ratings_have_mean_0_and_deviation_1_and_min_max_spans_0_to_1() -> None:
    stars, ends = np.array([1, 2, 4, 5], dtype=np.float32), (1.0, 5.0)
    shift, scale = shift_and_scale(stars, ends, "standardise", centred=False)
    assert np.mean((stars - shift) / scale) == pytest.approx(0, abs=1e-6)
    assert np.std((stars - shift) / scale) == pytest.approx(1)
    shift, scale = shift_and_scale(stars, ends, "min_max", centred=False)
    assert ((stars - shift) / scale)[[0, -1]].tolist() == [0, 1]
    constant = np.full(3, 4, dtype=np.float32)
    assert shift_and_scale(constant, ends, "standardise", centred=False) == (4, 1)


@pytest.mark.parametrize("weighting", ["balanced", "upsample"])
def test_weights_give_every_star_the_same_total(weighting: Any) -> None:
    stars = np.repeat([1.0, 3.0, 5.0], [5, 20, 100]).astype(np.float32)
    weights = rating_weights(stars, weighting, seed=0)
    totals = [weights[stars == star].sum() for star in (1, 3, 5)]
    np.testing.assert_allclose(totals, 125 / 3, rtol=1e-5)


def test_balanced_weights_draw_predictions_of_rare_low_stars_down(parts: tuple) -> None:
    low = parts[0].data <= 2
    options = {"init_scale": 0.1, "biases": True, "n_steps": 400}
    plain = predictions(fitted(parts, **options), parts[0])[low].mean()
    balanced = predictions(fitted(parts, rating_weights="balanced", **options), parts[0])[low]
    assert balanced.mean() < plain - 0.05


def test_a_share_of_train_is_that_many_of_its_ratings(parts: tuple) -> None:
    part = random_fraction(parts[0], 0.25, seed=1)
    assert part.nnz == round(0.25 * parts[0].nnz)
    users, items, stars = observed(part)
    np.testing.assert_array_equal(parts[0][users, items], stars)
    assert random_fraction(parts[0], 1.0, seed=1) is parts[0]
