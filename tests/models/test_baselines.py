import numpy as np
import pytest

from fivestar.models import build
from fivestar.ratings import csr_matrix

from .behaviour import SCALE, ModelBehaviour


class TestItemMean(ModelBehaviour):
    settings = {"family": "item_mean"}
    planted_rmse = 0.75


class TestBias(ModelBehaviour):
    settings = {"family": "bias"}
    planted_rmse = 0.65


def test_bias_solves_its_least_squares_problem() -> None:
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((12, 9)) < 0.6)
    stars = rng.integers(1, 6, users.size).astype(float)
    model = build({"family": "bias", "n_steps": 500})
    model.fit(csr_matrix(users, items, stars, (12, 9)), scale=SCALE)

    design = np.zeros((users.size, 21))
    design[np.arange(users.size), users] = 1
    design[np.arange(users.size), 12 + items] = 1
    ridge = np.diag([5.0] * 12 + [3.0] * 9)
    exact = np.linalg.solve(design.T @ design + ridge, design.T @ (stars - stars.mean()))
    np.testing.assert_allclose(model.user_bias, exact[:12], atol=1e-5)
    np.testing.assert_allclose(model.item_bias, exact[12:], atol=1e-5)


def test_item_mean_is_the_mean_of_the_items_stars() -> None:
    model = build({"family": "item_mean"})
    model.fit(csr_matrix([0, 1, 1], [0, 0, 1], np.array([5.0, 2, 4]), (2, 2)), scale=SCALE)
    assert model.predict(np.array([0, 0]), np.array([0, 1])) == pytest.approx([3.5, 4.0])
