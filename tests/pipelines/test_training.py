"""How long models take is told before, and those that take too long are left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from fivestar.failure import Failure
from fivestar.models import Model
from fivestar.pipelines.training import expected_time, nodes
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary

N_USERS, N_ITEMS = 400, 50


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(0)
    dense = rng.integers(1, 6, (N_USERS, N_ITEMS)) * (rng.random((N_USERS, N_ITEMS)) < 0.5)
    ratings = sparse.csr_array(dense.astype(np.float32))
    ids = Vocabulary(*(pd.Index([f"{n:03}" for n in range(size)]) for size in ratings.shape))
    none = Features(*(sparse.csr_array((size, 0), dtype=np.float32) for size in ratings.shape))
    return TrainingData(ratings, ratings[:, ::-1], ids, none, Scale(1, 5))


@pytest.fixture(autouse=True)
def much_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few ratings count as much data."""
    monkeypatch.setattr(expected_time, "SAMPLE", 2000)
    monkeypatch.setattr(nodes, "WORTH_ESTIMATING", 8000)


@pytest.mark.parametrize("settings", [{"family": "als"}, {"family": "user_knn"}])
def test_time_grows_with_the_cost_beside_a_constant(
    data: TrainingData, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(model: Model, data: TrainingData, label: str) -> float:
        n_ratings = data.train.nnz
        work = n_ratings if model.family == "als" else n_ratings**2 / data.train.shape[1]
        return 0.5 + 1e-3 * work

    monkeypatch.setattr(expected_time, "_time", seconds)
    model = expected_time.build(settings)
    expected = expected_time.expected_seconds(settings, data, label="it")
    assert expected == pytest.approx(seconds(model, data, "it"), rel=1e-6)


def test_steps_that_are_not_taken_count(data: TrainingData) -> None:
    steps = {"family": "bias"}
    few, many = (
        expected_time.expected_seconds({**steps, "n_steps": n}, data, label="it")
        for n in (10, 100_000)
    )
    assert many > 100 * few


def test_a_model_over_the_limit_is_left_out_and_one_under_it_is_fitted(data: TrainingData) -> None:
    block = {"family": "bias"}
    outcome, history = nodes.fit(data, block, 1.0, 7.5, label="bias")
    assert outcome == Failure(
        "bias would take about 7.5 minutes, more than the 1.0 allowed", skipped=True
    )
    assert history == {}
    outcome, history = nodes.fit(data, block, 10.0, 7.5, label="bias")
    assert isinstance(outcome, Model)


def test_nothing_is_estimated_without_a_limit_or_on_few_data(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    bias = {"family": "bias"}
    assert nodes.estimate(data, bias, 1.0, label="bias") > 0
    monkeypatch.setattr(nodes, "expected_seconds", None)
    assert nodes.estimate(data, bias, None, label="bias") == 0
    monkeypatch.setattr(nodes, "WORTH_ESTIMATING", data.train.nnz + 1)
    assert nodes.estimate(data, bias, 1.0, label="bias") == 0


def test_what_cannot_be_estimated_cannot_be_fitted(data: TrainingData) -> None:
    block = {"family": "als", "n_factors": -1}
    failure = nodes.estimate(data, block, 1.0, label="als")
    assert isinstance(failure, Failure)
    assert nodes.fit(data, block, 1.0, failure, label="als") == (failure, {})
