"""Sample weights: a rating of weight 2 counts as two."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fivestar.models import Model, build
from fivestar.ratings import Context, csr_matrix, observed, with_values

from .behaviour import SCALE, planted
from .test_time_aware import moody

EXACT = [
    {"family": "item_mean"},
    {"family": "bias"},
    {"family": "als", "n_factors": 4},
]
FULL_BATCH = [
    {"family": "gradient_descent", "n_factors": 3, "n_steps": 60, "frequency_power": 0.5},
    {"family": "gradient_descent", "n_factors": 3, "n_steps": 60, "rating_scaling": "standardise"},
    {"family": "pmf", "n_steps": 60},
]
BY_MINIBATCHES = [{"family": "mf_sgd"}, {"family": "neural_cf"}, {"family": "dot_bias"}]


def weighted(train: sparse.csr_array) -> np.ndarray:
    """Weights 1, 2 and 3 of the ratings."""
    return 1.0 + np.arange(train.nnz) % 3


def repeated(train: sparse.csr_array, times: np.ndarray) -> sparse.csr_array:
    """Each rating so often."""
    users, _, _ = observed(train)
    counts = np.bincount(users, times, minlength=train.shape[0]).astype(int)
    starts = np.concatenate([[0], np.cumsum(counts)])
    times = times.astype(int)
    columns, values = np.repeat(train.indices, times), np.repeat(train.data, times)
    return sparse.csr_array((values, columns, starts), shape=train.shape)


def fitted(settings: dict[str, Any], train: sparse.csr_array, weights: Any = None) -> Model:
    model = build(settings)
    context = None if weights is None else Context(weights=with_values(train, weights))
    model.fit(train, scale=SCALE, context=context)
    return model


@pytest.mark.parametrize("settings", EXACT)
def test_whole_weights_are_as_many_ratings(settings: dict[str, Any]) -> None:
    train, test = planted(40, 30)
    weights = weighted(train)
    users, items, _ = observed(test)
    found = fitted(settings, train, weights).predict(users, items)
    expected = fitted(settings, repeated(train, weights)).predict(users, items)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert np.abs(found - fitted(settings, train).predict(users, items)).max() > 0.01


@pytest.mark.parametrize("settings", [*EXACT, *FULL_BATCH])
def test_ratings_of_no_weight_are_as_if_not_there(settings: dict[str, Any]) -> None:
    train, test = planted(40, 30)
    users, items, ratings = observed(train)
    kept = np.arange(len(ratings)) % 3 > 0
    rest = csr_matrix(users[kept], items[kept], ratings[kept], train.shape)
    pairs = observed(test)[:2]
    found = fitted(settings, train, np.where(kept, 1.0, 1e-9)).predict(*pairs)
    np.testing.assert_allclose(found, fitted(settings, rest).predict(*pairs), atol=2e-3)
    assert np.abs(found - fitted(settings, train).predict(*pairs)).max() > 0.01


def test_whole_weights_are_as_many_ratings_of_one_time() -> None:
    train, context, test, test_context = moody()
    assert context.times is not None
    assert test_context.times is not None
    weights = weighted(train)
    pairs = (*observed(test)[:2], test_context.times.data)
    one, other = build({"family": "bias_time"}), build({"family": "bias_time"})
    one.fit(train, scale=SCALE, context=Context(context.times, with_values(train, weights)))
    times = repeated(context.times, weights)
    other.fit(repeated(train, weights), scale=SCALE, context=Context(times))
    np.testing.assert_allclose(one.predict(*pairs), other.predict(*pairs), atol=2e-3)


@pytest.mark.parametrize("settings", BY_MINIBATCHES)
def test_ratings_of_hardly_any_weight_are_hardly_learned_from(settings: dict[str, Any]) -> None:
    train, _ = planted(40, 30)
    users, items, _ = observed(train)
    wrong = users % 2 == 0
    turned = with_values(train, np.where(wrong, 6 - train.data, train.data).astype(np.float32))
    told = fitted({**settings, "n_steps": 10}, turned, np.where(wrong, 1e-3, 2.0))
    mean = np.average(turned.data, weights=np.where(wrong, 1e-3, 2.0))
    assert told.global_mean == pytest.approx(mean, abs=1e-4)
    both = [fitted({**settings, "n_steps": 10}, turned), told]
    errors = [np.square(model.predict(users, items) - turned.data)[~wrong].mean() for model in both]
    assert errors[1] < errors[0]


def test_model_that_cannot_use_weights_says_so_and_is_as_without(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("fivestar"), "propagate", True)
    train, test = planted(40, 30)
    users, items, _ = observed(test)
    with caplog.at_level(logging.INFO, logger="fivestar"):
        found = fitted({"family": "svd", "n_factors": 2}, train, weighted(train))
    assert "svd: does not use sample weights" in caplog.text
    without = fitted({"family": "svd", "n_factors": 2}, train)
    np.testing.assert_array_equal(found.predict(users, items), without.predict(users, items))
