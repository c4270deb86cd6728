from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse, stats

from fivestar.metrics import rmse
from fivestar.metrics.calibration import coverage, randomised_pit
from fivestar.models import build, load, threads
from fivestar.models.bayesian import factorization, probit
from fivestar.models.bayesian.cutpoints import Cutpoints
from fivestar.models.bayesian.draws import Draws
from fivestar.models.bayesian.likelihood import Noise, OrdinalProbit
from fivestar.models.bayesian.prior import decompose, implicit_feedback, popularity, wishart
from fivestar.models.bayesian.sampler import Rows
from fivestar.models.bayesian.scores import Samples
from fivestar.models.levels import GRID, shortest_decimals
from fivestar.models.training import TooSlow
from fivestar.ratings import Features, Scale, csr_matrix, observed

from .behaviour import SCALE, ModelBehaviour, planted

SHORT = {"n_factors": 3, "n_burn_in": 40, "n_steps": 80, "n_kept": 40}
GAUSSIAN = {"family": "bpmf", **SHORT}
FULL = {"family": "bayesian_mf", **SHORT}
OFF = ["side_features", "implicit_feedback", "ordinal_stars", "user_cutpoints", "noise_per_user"]


class TestBPMF(ModelBehaviour):
    settings = GAUSSIAN
    planted_rmse = 0.37


class TestBayesianMF(ModelBehaviour):
    settings = FULL
    planted_rmse = 0.37


def whole_stars(
    n_users: int = 150, n_items: int = 100, step: float = 1.0, seed: int = 0
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Train and test part of planted ratings rounded to stars."""
    train, test = planted(n_users, n_items, share=0.4, seed=seed)
    for part in (train, test):
        noise = np.random.default_rng(seed).normal(0, 0.4, part.nnz)
        part.data = np.clip(np.rint((part.data + noise) / step) * step, 1, 5).astype(np.float32)
    return train, test


def known(part: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    users, items, ratings = observed(part)
    inside = (users < part.shape[0] - 1) & (items < part.shape[1] - 1)
    return users[inside], items[inside], ratings[inside]


def fitted(settings: dict[str, Any], train: sparse.csr_array, **given: Any) -> Any:
    model = build(settings)
    model.fit(train, scale=SCALE, **given)
    return model


# -- draws


def test_rows_are_drawn_from_their_posterior() -> None:
    rng = np.random.default_rng(0)
    size, n_items, n_draws = 3, 70, 8_000
    items = rng.normal(size=(n_items, size)).astype(np.float32)
    # Of the one row with ratings and the one without, many draws each.
    matrix = csr_matrix(np.zeros(n_items, int), np.arange(n_items), np.ones(n_items), (2, n_items))
    latent, precisions = rng.normal(size=n_items), rng.uniform(0.1, 0.3, n_items)
    root = rng.normal(size=(size, size))
    prior = root @ root.T + np.eye(size)
    means = rng.normal(size=(2, size)).astype(np.float32)
    rows = Rows(matrix, np.zeros((2, size), np.float32))
    drawn = np.empty((n_draws, 2, size))
    for draw in drawn:
        noise = rng.standard_normal((2, size), dtype=np.float32)
        rows.sample(latent, items, (means, prior), noise, column_weights=precisions)
        draw[:] = rows.values
    design = np.hstack([items[:, :-1], np.ones((n_items, 1))])
    weighted = precisions[:, None] * design
    precision = prior + weighted.T @ design
    linear = prior @ means[0] + weighted.T @ (latent - items[:, -1])
    for row, covariance, mean in (
        (0, np.linalg.inv(precision), np.linalg.solve(precision, linear)),
        (1, np.linalg.inv(prior), means[1]),
    ):
        error = np.sqrt(np.diag(covariance) / n_draws)
        assert np.all(np.abs(drawn[:, row].mean(0) - mean) < 5 * error)
        np.testing.assert_allclose(
            np.cov(drawn[:, row].T), covariance, atol=0.05 * covariance.max()
        )


def test_wishart_has_its_mean_and_variance() -> None:
    rng = np.random.default_rng(0)
    inverse_scale, freedom = np.array([[2.0, 0.5], [0.5, 1.0]]), 7.0
    scale = np.linalg.inv(inverse_scale)
    drawn = np.array([wishart(inverse_scale, freedom, rng) for _ in range(20_000)])
    np.testing.assert_allclose(drawn.mean(0), freedom * scale, rtol=0.03)
    variance = freedom * (scale**2 + np.outer(np.diag(scale), np.diag(scale)))
    np.testing.assert_allclose(drawn.var(0), variance, rtol=0.06)


def test_normal_quantile_and_cdf_are_those_of_scipy() -> None:
    p = np.concatenate([np.logspace(-200, -2, 50), np.linspace(0.01, 0.99, 50), 1 - p_small()])
    ours = [probit.normal_quantile(each) for each in p]
    np.testing.assert_allclose(ours, stats.norm.ppf(p), rtol=2e-9, atol=1e-8)
    x = np.linspace(-9, 9, 50)
    ours = [probit.normal_cdf(each) for each in x]
    np.testing.assert_allclose(ours, stats.norm.cdf(x), rtol=1.5e-7)
    assert (probit.normal_cdf(-np.inf), probit.normal_cdf(np.inf)) == (0, 1)


def p_small() -> np.ndarray:
    return np.logspace(-8, -2, 20)


def latent_between(low: float, high: float, n: int) -> np.ndarray:
    """Latent ratings of score 0 in a level with these ends."""
    starts, levels, zeros = np.array([0, n]), np.ones(n, np.int8), np.zeros(n, np.float32)
    edges, drawn = np.array([[-np.inf, low, high, np.inf]]), np.empty_like(zeros)
    probit.sample_latent(starts, levels, zeros, edges, np.ones(1), np.uint64(1), False, drawn)
    return drawn


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 0.5), (2, 2.5), (-np.inf, -3), (4, np.inf), (7, 7.5), (-9, -8)]
)
def test_latent_ratings_are_scipys_truncated_normal(low: float, high: float) -> None:
    drawn = latent_between(low, high, 4000)
    assert drawn.min() >= low
    assert drawn.max() <= high
    assert stats.kstest(drawn, stats.truncnorm(low, high).cdf).pvalue > 0.01


def test_latent_ratings_far_out_stay_inside() -> None:
    for low, high in ((60.0, 61.0), (-61.0, -60.0), (60.0, np.inf)):
        assert low <= latent_between(low, high, 1)[0] <= high


def probit_of(levels: np.ndarray, rng: np.random.Generator, *, per_user: bool) -> OrdinalProbit:
    """Likelihood of levels, (n_users, n_each)."""
    draws = Draws(np.arange(len(levels) + 1) * levels.shape[1], rng)
    cutpoints = Cutpoints(
        np.bincount(levels.ravel()) / levels.size, len(levels) if per_user else None
    )
    return OrdinalProbit(levels.ravel().astype(np.int8), cutpoints, None, draws)


def test_latent_ratings_and_cutpoints_find_the_truth() -> None:
    rng = np.random.default_rng(0)
    n_users, n_each, truth = 60, 200, np.array([-1.0, 0.2, 0.9])
    scores = rng.normal(0, 0.7, n_users * n_each).astype(np.float32)
    levels = np.searchsorted(truth, scores + rng.normal(size=scores.size))
    likelihood = probit_of(levels.reshape(n_users, n_each), rng, per_user=False)
    drawn, cutpoints = np.zeros_like(scores), []
    for _ in range(300):
        drawn = likelihood.latent(scores)
        cutpoints.append(likelihood.cutpoints.values[0].copy())
        edges = np.concatenate([[-np.inf], cutpoints[-1], [np.inf]])
        np.testing.assert_array_equal(np.searchsorted(edges, drawn) - 1, levels)
    np.testing.assert_allclose(np.mean(cutpoints[100:], axis=0), truth, atol=0.05)
    # Given their levels the latent ratings are again the scores and standard noise.
    assert np.std(drawn - scores) == pytest.approx(1, abs=0.03)


def test_cutpoints_of_each_user_are_found() -> None:
    rng = np.random.default_rng(0)
    n_users, n_each = 40, 400
    truth = np.array([-1.0, 0.2, 0.9]) + rng.normal(0, 0.15, (n_users, 3))
    scores = rng.normal(0, 0.7, (n_users, n_each)).astype(np.float32)
    latent = scores + rng.normal(size=scores.shape)
    likelihood = probit_of((latent[:, :, None] > truth[:, None]).sum(2), rng, per_user=True)
    cutpoints = likelihood.cutpoints
    total, deviations = np.zeros((n_users, 3)), []
    for sweep in range(600):
        likelihood.latent(scores.ravel())
        if sweep >= 200:
            total += cutpoints.values
            deviations.append(cutpoints.precision**-0.5)
    assert rmse(truth, total / 400) < 0.08
    np.testing.assert_allclose(np.mean(deviations, axis=0), 0.15, atol=0.06)


def test_noise_per_user_is_found() -> None:
    rng = np.random.default_rng(0)
    sigma = np.array([0.4, 0.8, 1.2])
    residuals = (sigma[:, None] * rng.normal(size=(3, 2000))).astype(np.float32)
    noise, draws = Noise(3, 1.0, 2.0, given=False), Draws(np.arange(4) * 2000, rng)
    drawn = []
    for _ in range(200):
        noise.sample(draws, residuals.ravel())
        drawn.append(noise.precisions)
    np.testing.assert_allclose(np.mean(drawn, axis=0) ** -0.5, sigma, rtol=0.05)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_decomposition_gives_the_features_gram_back(shape: tuple[int, int]) -> None:
    features = sparse.random_array(shape, density=0.4, rng=np.random.default_rng(0)).tocsr()
    sizes, directions = decompose(features, n_directions=30)
    gram = (features @ features.T).toarray()
    np.testing.assert_allclose((directions * sizes) @ directions.T, gram, atol=1e-6)


def test_decomposition_of_large_features_keeps_the_leading_directions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = sparse.random_array((40, 30), density=0.4, rng=np.random.default_rng(0)).tocsr()
    whole, _ = decompose(features, n_directions=30)
    monkeypatch.setattr("fivestar.models.bayesian.prior.MAX_DENSE", 10)
    sizes, directions = decompose(features, n_directions=5)
    np.testing.assert_allclose(np.sort(sizes), np.sort(whole)[-5:], rtol=1e-5)
    np.testing.assert_allclose(directions.T @ directions, np.eye(5), atol=1e-5)


def test_decomposition_of_large_features_finds_no_more_directions_than_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    features = sparse.csr_array(rng.random((60, 3)) @ rng.random((3, 50)))
    monkeypatch.setattr("fivestar.models.bayesian.prior.MAX_DENSE", 10)
    sizes, directions = decompose(features, n_directions=30)
    assert len(sizes) == 3
    gram = (features @ features.T).toarray()
    np.testing.assert_allclose((directions * sizes) @ directions.T, gram, rtol=1e-4)


# -- predictions


@pytest.fixture(scope="module")
def stars() -> tuple[sparse.csr_array, sparse.csr_array]:
    return whole_stars()


@pytest.fixture(scope="module")
def ordinal(stars: tuple[sparse.csr_array, sparse.csr_array]) -> Any:
    return fitted(FULL, stars[0])


def test_probabilities_sum_to_one_and_average_to_the_prediction(stars: tuple, ordinal: Any) -> None:
    users, items, _ = known(stars[1])
    probabilities = ordinal.distribution.probabilities(users, items)
    assert ordinal.ordinal
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (len(users), 5)
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    expected = probabilities @ ordinal.distribution.ratings
    np.testing.assert_allclose(expected, ordinal.predict(users, items), atol=1e-4)


@pytest.mark.parametrize("settings", [GAUSSIAN, FULL])
def test_probabilities_and_intervals_are_calibrated(settings: dict) -> None:
    train, test = whole_stars(300, 200)
    users, items, ratings = known(test)
    # Long enough to learn that all users share their cutpoints.
    model = fitted({**settings, "n_burn_in": 300, "n_steps": 300}, train)
    distribution = model.distribution
    probabilities = distribution.probabilities(users, items)
    pit = randomised_pit(probabilities, ratings, distribution.ratings, np.random.default_rng(0))
    assert stats.kstest(pit, "uniform").statistic < 0.05
    for level in (0.5, 0.8, 0.9):
        assert coverage(pit, level) == pytest.approx(level, abs=0.04)
        whole = distribution.interval(users, items, level)
        assert np.mean((whole[0] <= ratings) & (ratings <= whole[1])) > level - 0.04
        if model.ordinal:
            lower, upper = distribution.interval(users, items, level, kind="continuous")
            spread = spread_evenly(ratings, distribution.ratings)
            held = np.mean((lower <= spread) & (spread <= upper))
            assert held == pytest.approx(level, abs=0.04)
            # Whole levels stand for all that is nearest to them.
            assert np.all(whole[0] - 0.5 <= lower)
            assert np.all(upper <= whole[1] + 0.5)


def spread_evenly(ratings: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Each rating at random between the middles to the levels beside it, inside the scale."""
    edges = np.concatenate([levels[:1], (levels[1:] + levels[:-1]) / 2, levels[-1:]])
    at = np.searchsorted(levels, ratings)
    return edges[at] + np.random.default_rng(1).random(len(ratings)) * np.diff(edges)[at]


def test_gaussian_interval_holds_its_fraction_of_continuous_ratings() -> None:
    train, test = planted()
    users, items, ratings = known(test)
    model = fitted({**GAUSSIAN, "clamp": False}, train)
    lower, upper = model.distribution.interval(users, items, 0.9)
    assert 0.86 < np.mean((lower <= ratings) & (ratings <= upper)) < 0.94
    assert np.all(lower < model.predict(users, items))
    assert np.all(model.predict(users, items) < upper)


@pytest.mark.parametrize(("lowest", "step"), [(0.5, 0.5), (1, 0.5), (3.7, 3.7)])
def test_levels_are_those_of_the_users_to_the_last_digit(lowest: float, step: float) -> None:
    train, test = (part.copy() for part in whole_stars())
    scale = Scale(lowest, lowest + 4 * step)
    for part in (train, test):
        part.data = np.float32(lowest) + np.float32(step) * (part.data - 1)
    model = build({**FULL, "n_burn_in": 5, "n_steps": 5, "n_kept": 5})
    model.fit(train, scale=scale)
    expected = [round(lowest + step * level, 9) for level in range(5)]
    assert model.distribution is not None
    assert model.distribution.ratings.tolist() == expected
    users, items, _ = known(test)
    ends = np.concatenate(model.distribution.interval(users, items))
    assert set(ends.tolist()) <= set(np.float32(expected).tolist())


def test_shortest_decimals_keep_what_has_none() -> None:
    values = np.array([0.4999995, 1 / 3, 100.00001])
    assert shortest_decimals(values, 1e-6).tolist() == [0.5, 0.333333, 100.00001]


def test_exceedance_is_the_mean_over_the_samples_whatever_the_order_of_the_pairs() -> None:
    rng = np.random.default_rng(0)
    for n_samples in (2, 20):  # few and many
        users, items = (rng.normal(0, 2, (n, n_samples, 4)) for n in (6, 9))
        roots, cuts = rng.uniform(0.3, 2, (6, n_samples)), rng.normal(size=(6, n_samples, 3))
        arrays = [each.astype(np.float32) for each in (users, items, roots, cuts)]
        pairs = rng.integers(0, 6, 50), rng.integers(0, 9, 50)
        users, items = users[pairs[0]], items[pairs[1]]
        latent = np.sum(users[..., :3] * items[..., :3], axis=2) + users[..., 3] + items[..., 3]
        distances = (latent[..., None] - cuts[pairs[0]]) * roots[pairs[0]][..., None]
        expected = stats.norm.cdf(distances).mean(axis=1)
        np.testing.assert_allclose(Samples(*arrays).exceedance(*pairs), expected, atol=1e-5)


def test_pairs_that_fall_back_get_the_fractions_of_train(ordinal: Any) -> None:
    probabilities = ordinal.distribution.probabilities(np.array([-1, 0]), np.array([0, -1]))
    np.testing.assert_allclose(probabilities, np.tile(ordinal.level_fractions, (2, 1)))
    lower, upper = ordinal.distribution.interval(np.array([-1]), np.array([-1]))
    assert 1 <= lower[0] <= upper[0] <= 5


def test_loaded_model_has_the_same_distribution(ordinal: Any, tmp_path: Any) -> None:
    users, items = np.arange(20), np.arange(20)
    ordinal.save(tmp_path)
    again, own = load(tmp_path).distribution, ordinal.distribution
    assert again is not None
    for each in ("probabilities", "interval"):
        np.testing.assert_array_equal(
            getattr(again, each)(users, items), getattr(own, each)(users, items)
        )


def test_factors_of_numbers_sum_to_the_predictions_and_of_levels_do_not() -> None:
    train, test = planted()
    users, items, _ = known(test)
    for settings, in_ratings in ((GAUSSIAN, True), (FULL, False)):
        given = train.copy()
        given.data = given.data if in_ratings else np.rint(given.data)
        model = fitted({**settings, "clamp": False}, given)
        factors = model.factors()
        assert factors.in_ratings == factors.exact == in_ratings
        sums = np.sum(factors.users[users] * factors.items[items], axis=1) + factors.constant
        sums += factors.user_bias[users] + factors.item_bias[items]
        assert np.allclose(sums, model.predict(users, items), atol=1e-4) == in_ratings


@pytest.mark.parametrize("option", OFF)
def test_every_part_can_be_switched_off_and_matters(
    option: str, stars: tuple, ordinal: Any
) -> None:
    users, items, ratings = known(stars[1])
    rng = np.random.default_rng(0)
    features = Features(*(sparse.csr_array(rng.random((n, 3))) for n in stars[0].shape))
    quick = {**FULL, "n_burn_in": 20, "n_steps": 20, "n_kept": 20}
    whole = fitted(quick, stars[0], features=features).predict(users, items)
    without = fitted({**quick, option: False}, stars[0], features=features).predict(users, items)
    assert np.abs(whole - without).max() > 0.01
    assert rmse(ratings, without) < 0.75


# -- features


def test_item_without_ratings_is_predicted_from_its_features() -> None:
    rng = np.random.default_rng(0)
    n_users, n_items, n_cold = 120, 90, 20
    kinds = rng.integers(0, 6, n_items)
    taste = 3 + rng.normal(0, 0.9, (n_users, 6))
    users, items = np.nonzero(rng.random((n_users, n_items)) < 0.4)
    ratings = np.clip(np.rint(taste[users, kinds[items]] + rng.normal(0, 0.4, len(users))), 1, 5)
    warm = items >= n_cold
    train = csr_matrix(users[warm], items[warm], ratings[warm], (n_users, n_items))
    item_features = sparse.csr_array(np.eye(6, dtype=np.float32)[kinds])
    item_features[0, kinds[0]] = 0
    item_features.eliminate_zeros()
    features = Features(sparse.csr_array((n_users, 0), dtype=np.float32), item_features)

    model = fitted({**FULL, "n_factors": 6}, train, features=features)
    plain = fitted({**FULL, "n_factors": 6}, train)
    prediction, fallback, _ = model.predict_detailed(users[~warm], items[~warm])
    guess, all_fallback, _ = plain.predict_detailed(users[~warm], items[~warm])
    assert all_fallback.all()
    np.testing.assert_array_equal(fallback, items[~warm] == 0)
    assert rmse(ratings[~warm], prediction) < 0.75 * rmse(ratings[~warm], guess)


def popular_is_better(n_users: int = 150, n_items: int = 90) -> sparse.csr_array:
    """Ratings of items of 1 to 100 raters, the more the better; the last 20 items are unrated."""
    rng = np.random.default_rng(0)
    popularity = np.linspace(0, 1, n_items - 20)
    n_raters = (100**popularity).astype(int)
    users = np.concatenate([rng.choice(n_users, n, replace=False) for n in n_raters])
    items = np.repeat(np.arange(n_items - 20), n_raters)
    stars = np.clip(np.rint(1.5 + 2.5 * popularity[items] + rng.normal(0, 0.5, len(items))), 1, 5)
    return csr_matrix(users, items, stars, (n_users, n_items))


def test_unrated_item_passes_for_a_rare_one_unless_it_is_new() -> None:
    train = popular_is_better()
    features = Features(*(sparse.csr_array(np.ones((n, 1))) for n in train.shape))
    users, items = np.arange(150), np.full(150, 89)
    rare, new = (
        fitted({**FULL, "unrated_items": kind}, train, features=features)
        for kind in ("rare", "new")
    )
    assert not rare.predict_detailed(users, items).fallback.any()
    assert rare.predict(users, items).mean() < 2.3
    assert new.predict(users, items).mean() > 2.9


def test_popularity_is_standardised_and_nothing_where_all_are_alike() -> None:
    values = popularity(np.array([1, 0, 8, 2]), count_of_unrated=1).toarray()[:, 0]
    assert values[0] == values[1]
    assert values[[0, 2, 3]].mean() == pytest.approx(0)
    assert values[[0, 2, 3]].std() == pytest.approx(1)
    assert not popularity(np.array([3, 3]), count_of_unrated=1).count_nonzero()


def test_predicted_rating_counts_most_for_items_with_few() -> None:
    model = build(FULL)
    train = popular_is_better()
    features = Features(*(sparse.csr_array(np.ones((n, 1))) for n in train.shape))
    history = model.fit(train, scale=SCALE, features=features)
    assert history.steps
    factor = model.item_samples[:, :, -2].mean(1)
    np.testing.assert_allclose(factor[-20:], 1, atol=1e-6)
    assert np.all(factor[1:5] < 0.9)
    assert np.all(factor[65:70] < factor[1:5].min())


def test_unrated_items_row_moves_by_the_user_who_is_asked_for() -> None:
    train = popular_is_better()
    features = Features(*(sparse.csr_array(np.ones((n, 1))) for n in train.shape))
    model: Any = build({**FULL, "n_chains": 1})
    samplers: list[Any] = []
    start = model._samplers
    model._samplers = lambda *given: samplers.extend(start(*given)) or samplers
    model.fit(train, scale=SCALE, features=features)
    (sampler,) = samplers
    implicit = sampler.item_prior.groups[1]
    design = np.insert(sampler.users.values[:, :-1], 3, 1, axis=1)
    last_users, last_items = model.user_samples[:, -1], model.item_samples[:, -1]
    got = last_users[:, :-1] @ last_items[-1, :-1] + last_users[:, -1] + last_items[-1, -1]
    row = sampler.items.values[-1] - implicit.default @ implicit.coefficients
    rows = row + implicit.projection @ implicit.coefficients
    expected = np.sum(design * rows, axis=1) + sampler.users.values[:, -1]
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_implicit_feedback_says_who_rated_and_not_how() -> None:
    train, _ = planted(20, 10)
    rows = implicit_feedback(train)
    np.testing.assert_array_equal(rows.indices, train.indices)
    lengths = np.sqrt(rows.power(2).sum(1))
    np.testing.assert_allclose(lengths[:-1], np.diff(train.indptr)[:-1] ** 0.25, rtol=1e-6)
    assert lengths[-1] == 0


# -- the chain


def test_chains_are_averaged_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = whole_stars(60, 40)
    users, items, _ = known(test)
    quick = {**FULL, "n_burn_in": 5, "n_steps": 20, "n_kept": 20}
    found = []
    monkeypatch.setattr(threads, "WORTH_A_THREAD", 1)
    monkeypatch.setattr(threads, "WORTH_A_WAITING_THREAD", 1)
    # One thread; one for each chain; three for each chain in turn.
    for n_threads, worth_sharing in ((1, np.inf), (2, np.inf), (3, 0)):
        monkeypatch.setenv("FIVESTAR_NUM_THREADS", str(n_threads))
        monkeypatch.setattr(factorization, "WORTH_SHARING", worth_sharing)
        model = fitted({**quick, "n_chains": 2}, train)
        found.append(model.predict(users, items))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert model.n_samples == 20
    first, second = model.item_samples[:, ::2], model.item_samples[:, 1::2]
    assert np.abs(first - second).max() > 0.01


def test_history_traces_the_running_mean_and_the_noise() -> None:
    train, test = planted()
    model = build({**GAUSSIAN, "n_burn_in": 20, "n_steps": 30, "n_kept": 10})
    history = model.fit(train, test, scale=SCALE)
    assert history.steps[-10:] == [18 + 3 * n for n in range(1, 11)]
    assert history.best_step == 48
    assert history.ending == "last step"
    assert set(history.curves) == {"noise", "sample_rmse"}
    for curve in history.curves.values():
        assert len(curve) == len(history.steps)
    assert history.curves["noise"][-1] == pytest.approx(0.3, abs=0.05)
    # The mean of samples is better than a sample.
    assert history.train_rmse[-1] < history.curves["sample_rmse"][-1]


def test_diverged_chain_keeps_the_samples_before(monkeypatch: pytest.MonkeyPatch) -> None:
    train, _ = planted(30, 20)
    model: Any = build({**GAUSSIAN, "n_burn_in": 5, "n_steps": 20, "n_kept": 20})
    start = model._sampler

    def failing(*given: Any) -> Any:
        chain = start(*given)
        sweep, count = chain.sweep, 0

        def breaks() -> None:
            nonlocal count
            sweep()
            count += 1
            if count == 12:
                chain.users.values[0, 0] = np.nan

        chain.sweep = breaks
        return chain

    monkeypatch.setattr(model, "_sampler", failing)
    history = model.fit(train, scale=SCALE)
    assert history.ending == "diverged"
    assert model.n_samples == 6
    assert np.isfinite(model.predict(np.array([0]), np.array([0]))).all()


def test_many_different_ratings_are_a_continuum() -> None:
    train, _ = planted(30, 20)
    model = fitted({**FULL, "n_steps": 10, "n_kept": 10}, train)
    assert not model.ordinal
    assert len(model.distribution.ratings) == GRID


@pytest.mark.parametrize("settings", [GAUSSIAN, FULL])
def test_ids_without_ratings_and_features_change_no_draw(settings: dict) -> None:
    train, test = whole_stars(40, 30)
    users, items, ratings = observed(train)
    wider = csr_matrix(users, items + 2 * (items > 9), ratings, (45, 32))
    quick = {**settings, "n_burn_in": 5, "n_steps": 10, "n_kept": 10}
    alone, beside = fitted(quick, train), fitted(quick, wider)
    users, items, _ = known(test)
    np.testing.assert_array_equal(
        beside.predict(users, items + 2 * (items > 9)), alone.predict(users, items)
    )
    assert beside.predict_detailed(np.array([44]), np.array([0])).fallback.all()
    person = alone.fold_in(train[:5]).predict(users % 5, items)
    again = beside.fold_in(wider[:5]).predict(users % 5, items + 2 * (items > 9))
    np.testing.assert_array_equal(again, person)


def test_chain_that_would_take_too_long_is_given_up() -> None:
    model = build({**GAUSSIAN, "n_steps": 100_000_000})
    with pytest.raises(TooSlow, match="bpmf would take about"):
        model.fit(planted()[0], scale=SCALE, max_seconds=60)
