from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fivestar.models import build
from fivestar.models.neighbours import knn
from fivestar.ratings import observed

from .behaviour import SCALE, ModelBehaviour, planted


class TestItemKNN(ModelBehaviour):
    settings = {"family": "item_knn", "similarity_shrinkage": 5, "n_neighbours": 20}
    planted_rmse = 0.43


class TestUserKNN(ModelBehaviour):
    settings = {"family": "user_knn", "similarity_shrinkage": 5, "n_neighbours": 20}
    planted_rmse = 0.43


def fitted(family: str, **settings: Any) -> Any:
    model = build({"family": family, "clamp": False, **settings})
    model.fit(planted()[0], scale=SCALE)
    return model


def dense(model: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals, which are there, and weights by the formulas of the docstring, all dense."""
    users, items, ratings = observed(planted()[0])
    left = np.zeros(planted()[0].shape)
    left[users, items] = (
        ratings - model.global_mean - model.user_bias[users] - model.item_bias[items]
    )
    there = np.zeros(left.shape)
    there[users, items] = 1
    if model.family == "user_knn":
        left, there = left.T, there.T
    common = there.T @ there
    squares = (left**2).T @ there
    with np.errstate(invalid="ignore"):
        similarity = left.T @ left / np.sqrt(squares * squares.T)
    similarity = np.nan_to_num(similarity) * common / (common + model.similarity_shrinkage)
    np.fill_diagonal(similarity, 0)
    return left, there, np.sign(similarity) * np.abs(similarity) ** model.amplification


def weights(model: Any) -> np.ndarray:
    n = len(model.similar_starts) - 1
    matrix = np.zeros((n, n))
    rows = np.repeat(np.arange(n), np.diff(model.similar_starts))
    matrix[rows, model.similar_columns] = model.weights
    return matrix


@pytest.mark.parametrize("family", ["item_knn", "user_knn"])
@pytest.mark.parametrize("n_neighbours", [0, 7])
def test_predictions_are_those_of_the_formulas(family: str, n_neighbours: int) -> None:
    model = fitted(family, n_neighbours=n_neighbours, weight_shrinkage=0.3)
    left, there, similar = dense(model)
    np.testing.assert_allclose(weights(model), similar, atol=1e-5)
    users, items, _ = observed(planted()[1])
    known = (users < planted()[1].shape[0] - 1) & (items < planted()[1].shape[1] - 1)
    users, items = users[known], items[known]
    rows, columns = (users, items) if family == "item_knn" else (items, users)
    expected = model.global_mean + model.user_bias[users] + model.item_bias[items]
    for pair, (row, column) in enumerate(zip(rows, columns, strict=True)):
        near = similar[column] * there[row]
        if n_neighbours:
            near[np.argsort(-np.abs(near))[n_neighbours:]] = 0
        expected[pair] += near @ left[row] / (0.3 + np.abs(near).sum())
    np.testing.assert_allclose(model.predict(users, items), expected, atol=2e-5)


@pytest.mark.parametrize("family", ["item_knn", "user_knn"])
def test_similarities_made_in_blocks_are_the_same(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted(family)
    monkeypatch.setattr(knn, "BUDGET", 7 * 80)
    blocked = fitted(family)
    for name in ("similar_starts", "similar_columns", "weights"):
        np.testing.assert_array_equal(getattr(blocked, name), getattr(whole, name))


def test_only_the_largest_similarities_are_kept() -> None:
    everything = weights(fitted("item_knn", n_similar=0))
    model = fitted("item_knn", n_similar=5)
    assert (np.diff(model.similar_starts)[:-1] == 5).all()
    kept = weights(model)
    assert (np.sort(np.abs(kept), 1)[:, -5:] == np.sort(np.abs(everything), 1)[:, -5:]).all()
    assert (kept == np.where(kept != 0, everything, 0)).all()


def test_opposite_tastes_count_with_their_sign() -> None:
    model = fitted("item_knn")
    assert (model.weights < 0).any()
    assert (model.weights > 0).any()


def test_n_parameters_are_the_biases() -> None:
    train = planted()[0]
    assert fitted("item_knn").n_parameters == sum(train.shape)
