"""Models that are told when each rating is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fivestar.errors import NoTimes
from fivestar.failure import Failure, surviving
from fivestar.metrics import rmse
from fivestar.models import Model, build, load, uses_times
from fivestar.models.drift import Drift
from fivestar.ratings import Context, csr_matrix, observed

from .behaviour import SCALE, ModelBehaviour

SHORT = {"n_factors": 3, "n_burn_in": 40, "n_steps": 80, "n_kept": 40}
BAYESIAN = {"family": "bayesian_mf_time", **SHORT}
MODELS = [{"family": "bias_time"}, BAYESIAN, {**BAYESIAN, "ordinal_stars": False}]


class TestBiasTime(ModelBehaviour):
    settings = {"family": "bias_time"}
    planted_rmse = 0.65


class TestBayesianMFTime(ModelBehaviour):
    settings = BAYESIAN
    planted_rmse = 0.38


def covariance(one: np.ndarray, other: np.ndarray, drift: Drift) -> np.ndarray:
    apart = np.abs(one[:, None] - other)[..., None] / drift.scales
    return (drift.strengths * np.exp(-apart)).sum(axis=-1)


@pytest.fixture
def example() -> tuple[Drift, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of two of three rows, one with two ratings at once; targets and weights."""
    rng = np.random.default_rng(0)
    rows = np.array([0, 2, 2, 0, 2, 0, 0, 2])
    times = 1e9 + np.array([50.0, 3, 7, 10, 500, 50, 90, 9])
    return (
        Drift(rows, times, 3, [30.0, 4.0], 0.7),
        rows,
        times,
        rng.normal(size=8),
        rng.gamma(2, size=8),
    )


def exact(
    example: tuple[Drift, np.ndarray, np.ndarray, np.ndarray, np.ndarray], row: int, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a row's process by the formulas of Gaussian processes."""
    drift, rows, times, targets, weights = example
    own = rows == row
    across = covariance(at, times[own], drift)
    noisy = covariance(times[own], times[own], drift) + np.diag(1 / weights[own])
    gain = np.linalg.solve(noisy, across.T).T
    return gain @ targets[own], covariance(at, at, drift) - gain @ across.T


def test_drift_and_what_lies_between_the_ratings_is_the_posterior_mean(example: Any) -> None:
    drift, rows, times, targets, weights = example
    for _ in range(100):
        drift.find(targets, weights)
    asked = 1e9 + np.array([-20.0, 3, 5, 8.5, 60, 50, 400, 1000])
    for row in (0, 2):
        own = rows == row
        np.testing.assert_allclose(drift.values[own], exact(example, row, times[own])[0], atol=1e-9)
        found, _ = drift.path().at(np.full(8, row), asked)
        np.testing.assert_allclose(found, exact(example, row, asked)[0], atol=1e-9)
    mean, variance = drift.path().at(np.array([1, 0]), np.array([1e9, np.nan]))
    assert mean.tolist() == [0, 0]
    assert variance.tolist() == [1.4, 1.4]


def test_drawn_drifts_have_the_posterior_mean_and_covariance(example: Any) -> None:
    drift, rows, times, targets, weights = example
    rng, draws = np.random.default_rng(1), []
    for _ in range(20_000):
        drift.find(targets, weights, rng)
        draws.append(drift.values[rows == 2].copy())
    mean, expected = exact(example, 2, times[rows == 2])
    np.testing.assert_allclose(np.mean(draws, axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(np.array(draws).T), expected, atol=0.03)


def test_variance_of_a_drift_is_found_again_from_its_values() -> None:
    rng = np.random.default_rng(0)
    drift = Drift(np.repeat(np.arange(200), 20), rng.uniform(0, 2000, 4000), 200, [60.0], 0.5)
    drift.find(np.zeros(4000), np.zeros(4000), rng)
    drift.strengths[0] = 3
    drift.sample_strengths(rng)
    assert drift.strengths[0] == pytest.approx(0.5, rel=0.1)


def moody(seed: int = 0) -> tuple[sparse.csr_array, Context, sparse.csr_array, Context]:
    """Train and test of users whose ratings move up and down from session to session."""
    rng = np.random.default_rng(seed)
    shape, n_sessions = (80, 60), 6
    session = rng.integers(n_sessions, size=shape)
    mood = rng.normal(0, 0.8, (shape[0], n_sessions))
    truth = 3 + rng.normal(0, 0.3, (shape[0], 1)) + rng.normal(0, 0.3, (1, shape[1]))
    truth = truth + np.take_along_axis(mood, session, axis=1)
    stars = np.clip(np.rint(truth + rng.normal(0, 0.4, shape)), 1, 5)
    times = 1e9 + 86_400.0 * session + rng.uniform(0, 60, shape)
    role = rng.random(shape)
    given: list[Any] = []
    for inside in (role < 0.5, role > 0.8):
        pairs = np.nonzero(inside)
        given += [
            csr_matrix(*pairs, stars[pairs], shape),
            Context(times=csr_matrix(*pairs, times[pairs], shape, np.float64)),
        ]
    return given[0], given[1], given[2], given[3]


@pytest.mark.parametrize("settings", MODELS)
def test_sessions_are_found_and_used_where_the_time_is_told(settings: dict, tmp_path: Any) -> None:
    train, context, test, test_context = moody()
    assert test_context.times is not None
    model = build(settings)
    model.fit(train, scale=SCALE, context=context)
    users, items, ratings = observed(test)
    times = test_context.times.data
    told = model.predict(users, items, times)
    assert rmse(ratings, told) < 0.8 * rmse(ratings, model.predict(users, items))
    unknown = model.predict(users, items, np.full(len(times), np.nan))
    np.testing.assert_allclose(unknown, model.predict(users, items), atol=1e-5)
    model.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).predict(users, items, times), told)


@pytest.mark.parametrize("settings", MODELS)
def test_folded_in_users_are_predicted_at_any_time_as_without_one(settings: dict) -> None:
    train, context, _, _ = moody()
    model = build(settings)
    model.fit(train, scale=SCALE, context=context)
    folded = model.fold_in(train[:5])
    users, items = np.arange(5), np.arange(5)
    without = folded.predict(users, items)
    np.testing.assert_allclose(folded.predict(users, items, np.full(5, 1e9)), without, atol=1e-5)


def test_model_that_needs_times_says_which_setting_names_them() -> None:
    train, _, _, _ = moody()
    with pytest.raises(NoTimes, match=r"bias_time.*ingestion\.columns\.timestamp"):
        build({"family": "bias_time"}).fit(train, scale=SCALE)


def test_where_there_are_no_times_it_is_skipped_and_has_not_failed() -> None:
    train, _, _, _ = moody()

    @surviving
    def fit(model: Model, *, label: str) -> Model:
        model.fit(train, scale=SCALE, label=label)
        return model

    outcome = fit(build({"family": "bias_time"}), label="mine")
    assert isinstance(outcome, Failure)
    assert outcome.skipped
    assert "mine" in outcome.reason


def test_a_block_uses_times_if_its_family_or_a_member_does() -> None:
    assert uses_times({"family": "bias_time"})
    assert not uses_times({"family": "bias"})
    blend = {"family": "blend", "members": {"one": {"family": "bias"}}}
    assert not uses_times(blend)
    assert uses_times({**blend, "members": {"one": {"family": "bayesian_mf_time"}}})
