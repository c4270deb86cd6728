from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from fivestar.metrics.significance import (
    corrected_t_test,
    difference,
    half_samples,
    holm,
    interval,
    p_value,
)

FloatArray = NDArray[np.float64]
N_USERS, RMSE = 459, 0.9


def planted(
    n_trials: int, rng: np.random.Generator, *, more: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Sums by user of pairs of models, columns 2t and 2t + 1, and numbers of ratings.

    20,000 ratings of users of very different activity. The errors of a pair correlate by .985, as
    those of good models do; a user has a noise of their own, and a share of the variance of what a
    model adds to the shared error. The RMSE of a pair are RMSE and RMSE + ``more``.
    """
    n_ratings = np.ceil(rng.lognormal(3.4, 0.85, N_USERS))
    n_ratings = np.maximum(np.rint(n_ratings * 20_000 / n_ratings.sum()), 1)
    user = np.repeat(np.arange(N_USERS), n_ratings.astype(int))
    sums = np.empty((N_USERS, 2 * n_trials))
    for trial in range(n_trials):
        noise = rng.lognormal(-0.04, 0.2, N_USERS)  # of mean square 1
        shared = clustered(user, 0.0125, rng)
        for column, rmse in ((2 * trial, RMSE), (2 * trial + 1, RMSE + more)):
            own = clustered(user, 0.07, rng)
            errors = rmse * noise[user] * (np.sqrt(0.985) * shared + np.sqrt(0.015) * own)
            sums[:, column] = np.bincount(user, errors**2)
    return sums, n_ratings


def clustered(user: NDArray[np.intp], share: float, rng: np.random.Generator) -> FloatArray:
    """Standard normal values, of whose variance the users have a share."""
    of_users = rng.normal(0, np.sqrt(share), N_USERS)[user]
    return of_users + rng.normal(0, np.sqrt(1 - share), len(user))


def p_values(sums: FloatArray, n_ratings: FloatArray) -> FloatArray:
    halves = half_samples(sums, n_ratings, 999, seed=1)
    pairs = range(0, sums.shape[1], 2)
    return np.array([p_value(difference(halves, n, n + 1)) for n in pairs])


def test_two_equal_models_differ_in_5_percent_of_trials() -> None:
    rng = np.random.default_rng(0)
    found = np.concatenate([p_values(*planted(200, rng)) for _ in range(5)])
    assert np.mean(found <= 0.05) == pytest.approx(0.05, abs=0.01)
    assert np.mean(found <= 0.5) == pytest.approx(0.5, abs=0.04)


def test_a_real_difference_of_a_200th_is_found_among_20000_ratings() -> None:
    sums, n_ratings = planted(50, np.random.default_rng(0), more=0.005)
    assert np.mean(p_values(sums, n_ratings) <= 0.05) >= 0.9


def test_the_p_value_is_that_of_all_ways_to_swap_two_models_in_the_users() -> None:
    rng = np.random.default_rng(0)
    squared, n_ratings = rng.random((8, 2)) * [1.0, 2.0], rng.integers(1, 9, 8).astype(float)
    gaps = squared[:, 0] - squared[:, 1]
    signs = np.array(list(itertools.product([-1, 1], repeat=8)))
    exact = np.mean(np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-12)
    halves = half_samples(squared, n_ratings, 40_000, seed=0)
    assert p_value(difference(halves, 0, 1)) == pytest.approx(exact, abs=0.01)


def test_interval_and_p_value_agree() -> None:
    rng = np.random.default_rng(0)
    sums, n_ratings = planted(100, rng, more=0.003)
    halves = half_samples(sums, n_ratings, 999, seed=0)
    excluded = []
    for n in range(0, sums.shape[1], 2):
        between = difference(halves, n, n + 1)
        low, high = interval(between, 0.95)
        excluded.append(not low <= 0 <= high)
        assert excluded[-1] == (p_value(between) <= 0.05)
    assert 0 < np.mean(excluded) < 1


def test_the_interval_of_an_rmse_holds_the_true_one() -> None:
    sums, n_ratings = planted(200, np.random.default_rng(3))
    halves = half_samples(sums, n_ratings, 999, seed=0)
    ends = [interval(halves[:, :, n], 0.9) for n in range(0, 400, 2)]
    assert np.mean([low <= RMSE <= high for low, high in ends]) == pytest.approx(0.9, abs=0.05)


def test_halves_do_not_depend_on_how_many_are_held_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sums, n_ratings = planted(1, np.random.default_rng(0))
    whole = half_samples(sums, n_ratings, 100, seed=0)
    monkeypatch.setattr("fivestar.metrics.significance.CHUNK", N_USERS * 7)
    np.testing.assert_allclose(half_samples(sums, n_ratings, 100, seed=0), whole, rtol=1e-12)


def test_identical_models_have_a_difference_of_0_for_sure() -> None:
    sums = np.repeat(planted(1, np.random.default_rng(0))[0][:, :1], 5, axis=1)
    halves = half_samples(sums, np.full(N_USERS, 43.0), 999, seed=0)
    for n in range(1, 5):
        between = difference(halves, 0, n)
        assert (p_value(between), *interval(between, 0.95)) == (1, 0, 0)


@pytest.mark.parametrize("n_users", [1, 2, 5])
def test_few_users_are_no_evidence(n_users: int) -> None:
    squared = np.arange(1.0, 2 * n_users + 1).reshape(n_users, 2)
    halves = half_samples(squared, np.ones(n_users), 9999, seed=0)
    between = difference(halves, 0, 1)
    assert p_value(between) > 0.05
    assert np.isnan(interval(between, 0.95)).all()
    assert np.isnan(interval(halves[:, :, 0], 0.95)).all()


def test_perfect_models_do_not_differ() -> None:
    halves = half_samples(np.zeros((30, 2)), np.ones(30), 999, seed=0)
    assert interval(difference(halves, 0, 1), 0.95) == (0, 0)


def test_too_few_resamples_for_the_confidence_are_refused() -> None:
    halves = half_samples(np.ones((30, 2)), np.ones(30), 50, seed=0)
    with pytest.raises(ValueError, match="50 resamples are too few"):
        interval(halves[:, :, 0], 0.99)


def test_corrected_t_test_of_a_worked_example() -> None:
    # Mean .02, variance .00025; (1/5 + 1/4) .00025 = .0001125; t = 1.8856 with 4 degrees.
    low, high, p = corrected_t_test([0.0, 0.01, 0.02, 0.03, 0.04], 1 / 4, 0.95)
    assert p == pytest.approx(2 * stats.t.sf(0.02 / np.sqrt(0.0001125), 4))
    assert (low + high) / 2 == pytest.approx(0.02)
    assert stats.t.cdf((high - 0.02) / np.sqrt(0.0001125), 4) == pytest.approx(0.975)


def test_corrected_t_test_holds_its_level_where_folds_share_training_ratings() -> None:
    # Folds correlate by n_test / (n_test + n_train), what the correction supposes.
    rng = np.random.default_rng(0)
    folds = np.sqrt(0.8) * rng.normal(size=(4000, 5)) + np.sqrt(0.2) * rng.normal(size=(4000, 1))
    corrected = np.mean([corrected_t_test(values, 0.25, 0.95)[2] <= 0.05 for values in folds])
    assert corrected == pytest.approx(0.05, abs=0.01)
    assert np.mean(stats.ttest_1samp(folds, 0, axis=1).pvalue <= 0.05) > 0.1


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.1], (np.nan, np.nan, 1)), ([], (np.nan, np.nan, 1)), ([0.0, 0.0], (0, 0, 1))],
)
def test_corrected_t_test_without_evidence(
    values: list[float], expected: tuple[float, float, float]
) -> None:
    np.testing.assert_array_equal(corrected_t_test(values, 0.25, 0.95), expected)


def test_holm_steps_down_from_the_least_p_value() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, 0.7]), [1, 1])
    assert holm([]).size == 0
