from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fivestar.models import Model, build
from fivestar.ratings import csr_matrix, observed

from .behaviour import SCALE, ModelBehaviour, planted

SETTINGS = {"family": "als", "n_factors": 4, "n_steps": 30, "stopping": None}
PLAIN = {**SETTINGS, "regularization": 2.0, "bias_regularization": 0.5, "count_exponent": 0}
WEIGHTED = {**SETTINGS, "regularization": 0.05, "bias_regularization": 0.02, "count_exponent": 1}


class TestPlainALS(ModelBehaviour):
    settings = PLAIN
    planted_rmse = 0.4


class TestCountWeightedALS(ModelBehaviour):
    settings = WEIGHTED
    planted_rmse = 0.4


def fitted(train: sparse.csr_array, **settings: Any) -> Model:
    model = build(settings)
    model.fit(train, scale=SCALE)
    return model


def objective(model: Any, train: sparse.csr_array) -> float:
    users, items, ratings = observed(train)
    model.clamp = False
    error = np.square(ratings - model.predict(users, items), dtype=np.float64).sum()
    for factors, bias, counts in (
        (model.user_factors, model.user_bias, np.bincount(users, minlength=train.shape[0])),
        (model.item_factors, model.item_bias, np.bincount(items, minlength=train.shape[1])),
    ):
        size = model.regularization * np.square(factors).sum(1)
        size += model.bias_regularization * np.square(bias)
        error += (np.where(counts, counts**model.count_exponent, 0) * size).sum()
    return float(error)


@pytest.mark.parametrize("settings", [PLAIN, WEIGHTED, {**PLAIN, "count_exponent": 0.5}])
def test_every_item_is_the_ridge_regression_on_its_users(settings: dict[str, Any]) -> None:
    train, _ = planted()
    model: Any = fitted(train, **settings)
    by_item = train.tocsc()
    for item in range(train.shape[1]):
        inside = slice(by_item.indptr[item], by_item.indptr[item + 1])
        users, count = by_item.indices[inside], inside.stop - inside.start
        if count == 0:
            assert not model.item_factors[item].any()
            assert not model.item_bias[item]
            continue
        design = np.column_stack([model.user_factors[users], np.ones(count)]).astype(float)
        rest = by_item.data[inside] - model.global_mean - model.user_bias[users]
        ridge = np.array([model.regularization] * 4 + [model.bias_regularization])
        gram = design.T @ design + np.diag(ridge * count**model.count_exponent)
        exact = np.linalg.solve(gram, design.T @ rest)
        np.testing.assert_allclose(model.item_factors[item], exact[:-1], atol=2e-5)
        np.testing.assert_allclose(model.item_bias[item], exact[-1], atol=2e-5)


@pytest.mark.parametrize("settings", [PLAIN, WEIGHTED])
def test_objective_never_rises(settings: dict[str, Any]) -> None:
    train, _ = planted()
    values = [objective(fitted(train, **{**settings, "n_steps": n}), train) for n in range(1, 13)]
    assert np.all(np.diff(values) <= 1e-5 * values[0])
    assert values[-1] < 0.9 * values[0]


@pytest.mark.parametrize("settings", [PLAIN, WEIGHTED])
def test_without_regularization_it_still_solves(settings: dict[str, Any]) -> None:
    train, _ = planted(30, 20, share=0.15)
    model = fitted(
        train, **{**settings, "n_factors": 8, "regularization": 0, "bias_regularization": 0}
    )
    users, items, ratings = observed(train)
    assert np.abs(model.predict(users, items) - ratings).mean() < 0.1


def test_rows_without_ratings_stay_zero() -> None:
    train = csr_matrix([0, 2, 2], [1, 1, 3], np.array([5.0, 1.0, 3.0]), (4, 5))
    model: Any = fitted(train, **PLAIN)
    np.testing.assert_array_equal(model.user_factors[[1, 3]], 0)
    np.testing.assert_array_equal(model.item_factors[[0, 2, 4]], 0)


def test_early_stopping_keeps_the_best_sweep() -> None:
    train, test = planted()
    model = build({**WEIGHTED, "regularization": 1e-4, "stopping": {"patience": 2}})
    history = model.fit(train, test, scale=SCALE)
    assert history.ending == "early stopping"
    assert history.validation_rmse[history.best_step] == min(history.validation_rmse)


def test_a_fit_that_goes_on_ends_where_one_in_a_piece_does() -> None:
    train, _ = planted()
    whole: Any = fitted(train, **{**PLAIN, "n_steps": 5})
    start: Any = fitted(train, **{**PLAIN, "n_steps": 3})
    rest: Any = build({**PLAIN, "n_steps": 2})
    rest.start_from(start).fit(train, scale=SCALE)
    np.testing.assert_array_equal(rest.item_factors, whole.item_factors)
    with pytest.raises(ValueError, match="same length"):
        build({**PLAIN, "n_factors": 3}).start_from(start)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="other items"):
        rest.start_from(start).fit(train[:, :-1], scale=SCALE)
