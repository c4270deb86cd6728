import numpy as np
import pytest
from scipy import optimize, stats

from fivestar.metrics import errors, gaussian_nll, mae, mse, rmse

RNG = np.random.default_rng(0)
ACTUAL = RNG.integers(1, 6, 200).astype(float)
PREDICTED = ACTUAL + RNG.normal(0.2, 0.8, 200)


def test_errors_of_a_worked_example() -> None:
    assert mse([1, 2, 3], [1, 4, 2]) == pytest.approx(5 / 3)
    assert rmse([1, 2, 3], [1, 4, 2]) == pytest.approx(np.sqrt(5 / 3))
    assert mae([1, 2, 3], [1, 4, 2]) == pytest.approx(1)


def test_small_errors_of_many_float32_ratings_are_not_lost() -> None:
    actual = np.full(3_000_000, 4, dtype=np.float32)
    assert rmse(actual, actual + np.float32(0.1)) == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize(("actual", "predicted"), [([1, 2], [1]), ([], [])])
def test_nothing_to_compare_is_refused(actual: list[float], predicted: list[float]) -> None:
    with pytest.raises(ValueError, match=r"shapes differ|no ratings"):
        mse(actual, predicted)


def test_nll_is_the_mean_negative_log_density_of_the_normal_distribution() -> None:
    expected = -stats.norm.logpdf(ACTUAL, PREDICTED, 0.7).mean()
    assert gaussian_nll(ACTUAL, PREDICTED, 0.7) == pytest.approx(expected)


def test_noise_of_greatest_likelihood_is_the_rmse() -> None:
    found = optimize.minimize_scalar(
        lambda sigma: gaussian_nll(ACTUAL, PREDICTED, sigma), bounds=(0.01, 10), method="bounded"
    )
    assert found.x == pytest.approx(rmse(ACTUAL, PREDICTED), rel=1e-4)
    assert found.fun == pytest.approx(np.log(2 * np.pi * np.e * mse(ACTUAL, PREDICTED)) / 2)


def test_constant_of_greatest_likelihood_is_the_mean() -> None:
    found = optimize.minimize_scalar(
        lambda c: gaussian_nll(ACTUAL, np.full_like(ACTUAL, c), 1.3),
        bounds=(0, 6),
        method="bounded",
    )
    assert found.x == pytest.approx(ACTUAL.mean(), abs=1e-4)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.0])
def test_least_squares_maximises_the_likelihood_for_every_noise(sigma: float) -> None:
    design = RNG.normal(size=(200, 3))
    best = np.linalg.lstsq(design, ACTUAL, rcond=None)[0]
    found = optimize.minimize(lambda w: gaussian_nll(ACTUAL, design @ w, sigma), np.zeros(3))
    np.testing.assert_allclose(found.x, best, atol=1e-3)


def test_l2_is_a_gaussian_prior_with_the_ratio_of_variances_as_weight() -> None:
    design, sigma, tau = RNG.normal(size=(200, 3)), 0.8, 0.1

    def posterior(w: np.ndarray) -> float:
        prior = -stats.norm.logpdf(w, 0, tau).sum()
        return float(len(ACTUAL) * gaussian_nll(ACTUAL, design @ w, sigma) + prior)

    ridge = np.linalg.solve(design.T @ design + sigma**2 / tau**2 * np.eye(3), design.T @ ACTUAL)
    np.testing.assert_allclose(optimize.minimize(posterior, np.zeros(3)).x, ridge, atol=1e-4)


def test_a_perfect_fit_has_the_greatest_likelihood_of_all() -> None:
    assert gaussian_nll([3, 4], [3, 4], 0.0) == -np.inf


def test_errors_of_many_ratings_are_summed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    actual, predicted = np.random.default_rng(0).uniform(1, 5, (2, 50)).astype(np.float32)
    whole = rmse(actual, predicted), mae(actual, predicted)
    monkeypatch.setattr(errors, "BLOCK", 7)
    assert (rmse(actual, predicted), mae(actual, predicted)) == pytest.approx(whole, rel=1e-12)
