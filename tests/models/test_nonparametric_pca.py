from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fivestar.metrics import rmse
from fivestar.models import build
from fivestar.models.gaussian.nonparametric_pca import NonparametricPCA
from fivestar.models.gaussian.prior import RowsOfItems, prior_covariance, prior_means
from fivestar.ratings import Features, csr_matrix, observed

from .behaviour import SCALE, ModelBehaviour, known, planted

FAMILY = {"family": "nonparametric_pca"}


class TestNonparametricPCA(ModelBehaviour):
    settings = FAMILY
    planted_rmse = 0.38


class TestNonparametricPCAOfACatalogueTooLarge(ModelBehaviour):
    settings = {**FAMILY, "max_items": 60}
    planted_rmse = 0.5


def fitted(train: sparse.csr_array, features: Features | None = None, **settings: Any) -> Any:
    model = build({**FAMILY, "clamp": False, **settings})
    model.fit(train, scale=SCALE, features=features)
    return model


def expected_of(model: Any) -> np.ndarray:
    """M + W z of all pairs, (n_users, n_items)."""
    slopes = model.slopes[model.item_rows].astype(float)
    expected: np.ndarray = model.item_bias + model.user_directions @ slopes.T
    return expected


def noise(n_users: int, n_items: int, share: float = 0.3) -> sparse.csr_array:
    rng = np.random.default_rng(1)
    users, items = np.nonzero(rng.random((n_users, n_items)) < share)
    return csr_matrix(users, items, rng.integers(1, 6, len(users)), (n_users, n_items))


@pytest.mark.parametrize("max_items", [3000, 30])
def test_predictions_and_variances_are_those_of_the_formulas(max_items: int) -> None:
    train = planted()[0]
    model = fitted(train, max_items=max_items)
    covariance = model.covariance.astype(float)[np.ix_(model.item_rows, model.item_rows)]
    expected, of_noise = expected_of(model), float(model.noise_variance[0])
    items = np.arange(train.shape[1] - 1)
    for user in (0, 7):
        rated = train[[user]].indices
        precision = np.linalg.inv(covariance[np.ix_(rated, rated)] + of_noise * np.eye(len(rated)))
        gain = covariance[np.ix_(items, rated)] @ precision
        residuals = train[[user]].data - expected[user, rated]
        means = expected[user, items] + gain @ residuals
        variances = np.diag(covariance)[items] - np.sum(gain * covariance[np.ix_(items, rated)], 1)
        users = np.full(len(items), user)
        np.testing.assert_allclose(model.predict(users, items), means, atol=1e-4)
        np.testing.assert_allclose(model.variances(users, items), variances + of_noise, atol=1e-4)


def log_likelihood(model: Any, train: sparse.csr_array) -> float:
    """Of the ratings, given m, W and K."""
    expected, total = expected_of(model), 0.0
    for user in range(train.shape[0]):
        row = train[[user]]
        rated = model.item_rows[row.indices]
        covariance = model.covariance.astype(float)[np.ix_(rated, rated)]
        covariance += float(model.noise_variance[0]) * np.eye(len(rated))
        residuals = row.data - expected[user, row.indices]
        total -= np.linalg.slogdet(covariance)[1] / 2
        total -= residuals @ np.linalg.solve(covariance, residuals) / 2
    return total


@pytest.mark.parametrize("step_size", [1.0, 1.9])
def test_each_step_makes_the_ratings_likelier(step_size: float) -> None:
    train = planted(60, 40)[0]
    steps = {"stopping": None, "step_size": step_size, "prior_strength": 0.01}
    reached = [log_likelihood(fitted(train, n_steps=n, **steps), train) for n in range(6)]
    assert (np.diff(reached) > 0).all()


def test_covariance_stays_positive_where_the_long_step_would_not_leave_it_so() -> None:
    """All is rated and the ratings are the same, so that K shrinks as fast as it can."""
    users, items = map(np.ravel, np.indices((50, 30)))
    stars = np.where((users + items) % 29 == 0, 4.0, 3.0)
    train = csr_matrix(users, items, stars, (50, 30))
    model = fitted(train, n_steps=4, stopping=None, noise=0.01, prior_strength=0.01)
    assert np.linalg.eigvalsh(model.covariance.astype(float)).min() > -model.noise_variance[0]
    assert np.isfinite(model.predict(users, items)).all()


def test_one_covariance_row_is_shared_by_the_items_rated_least() -> None:
    train = planted()[0]
    rows = RowsOfItems.most_rated(train, 10)
    counts = np.bincount(train.indices, minlength=train.shape[1])
    assert counts[rows.own_items].min() >= counts[rows.row_of_item == 10].max()
    assert rows.raters(train).sum() == train.nnz
    assert fitted(train, max_items=10).covariance.shape == (11, 11)


def test_prior_expects_less_of_items_that_few_rated() -> None:
    rng = np.random.default_rng(0)
    popularity = np.linspace(0.02, 0.9, 60)
    users, items = np.nonzero(rng.random((200, 60)) < popularity)
    stars = np.clip(rng.normal(2 + 2 * popularity[items], 0.5), 1, 5)
    train = csr_matrix(users, items, stars, (200, 61))
    expected, _ = prior_means(train, sparse.csr_array((61, 0)))
    assert expected[-1] == expected[0] < expected[30] < expected[59]
    assert expected[0] < 2.8


def test_prior_covariance_is_larger_between_items_alike_or_rated_by_the_same_users() -> None:
    raters = sparse.csr_array(np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1.0]]))
    genres = np.array([[1, 0], [0, 1], [1, 0], [0, 1.0]])
    covariance = prior_covariance(raters, genres, 1.0)
    assert covariance[0, 1] > covariance[0, 3]  # same raters
    assert covariance[0, 2] > covariance[0, 3]  # same genre
    assert np.linalg.eigvalsh(covariance.astype(float)).min() > 0


def test_features_tell_of_items_that_nobody_rated() -> None:
    rng = np.random.default_rng(0)
    genre, taste = rng.integers(0, 2, 60), rng.integers(0, 2, 150)
    stars = np.where(genre == taste[:, None], 4.5, 2.0) + rng.normal(0, 0.3, (150, 60))
    users, items = np.nonzero((rng.random(stars.shape) < 0.4) & (np.arange(60) < 50))
    train = csr_matrix(users, items, stars[users, items], stars.shape)
    features = Features(
        sparse.csr_array((150, 0), dtype=np.float32),
        sparse.csr_array(np.eye(2, dtype=np.float32)[genre]),
    )
    pairs = np.repeat(np.arange(150), 10), np.tile(np.arange(50, 60), 150)
    with_features, without = (
        rmse(stars[pairs], fitted(train, given).predict(*pairs)) for given in (features, None)
    )
    assert with_features < 0.8 * without


def test_which_items_a_user_rated_tells_what_they_think_of_others() -> None:
    """Users rate one half of the items; those of the first half like all items more."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 200)
    rated = rng.random((200, 60)) < np.where(group[:, None] == np.arange(60) // 30, 0.5, 0.03)
    stars = np.where(group == 0, 4.0, 2.0)[:, None] + rng.normal(0, 0.5, rated.shape)
    users, items = np.nonzero(rated)
    model = fitted(csr_matrix(users, items, stars[users, items], rated.shape))
    of_each = [
        expected_of(model.fold_in(csr_matrix(np.zeros(5, int), chosen, np.full(5, 3.0), (1, 60))))
        for chosen in (np.arange(5), np.arange(40, 45))
    ]
    assert (of_each[0] - of_each[1]).mean() > 0.5


def test_intervals_and_probabilities_hold_as_many_ratings_as_they_say() -> None:
    train, test = planted(200, 100)
    model: Any = build({**FAMILY, "clamp": False})
    history = model.fit(train, of_first_users(test, 100), scale=SCALE)
    model = model.for_refit(history)
    model.fit(train, scale=SCALE)
    users, items, ratings = known(test)
    users, items, ratings = (column[users >= 100] for column in (users, items, ratings))
    for coverage in (0.5, 0.9):
        lower, upper = model.distribution.interval(users, items, coverage)
        assert np.mean((lower <= ratings) & (ratings <= upper)) == pytest.approx(coverage, abs=0.04)
    levels, probabilities = (
        model.distribution.ratings,
        model.distribution.probabilities(users, items),
    )
    assert (levels[0], levels[-1]) == (1, 5)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(
        probabilities @ levels, np.clip(model.predict(users, items), 1, 5), atol=0.2
    )


def test_distribution_of_unknown_pairs_is_that_of_train() -> None:
    train = noise(40, 20)
    distribution = fitted(train).distribution
    unknown, item = np.array([-1]), np.array([3])
    fractions = np.bincount(train.data.astype(int), minlength=6)[1:] / train.nnz
    np.testing.assert_allclose(distribution.probabilities(unknown, item)[0], fractions, atol=1e-6)
    lower, upper = distribution.interval(unknown, item, 0.5)
    assert 1 <= lower[0] < upper[0] <= 5


def test_factors_are_the_principal_components_of_the_covariance() -> None:
    model = fitted(planted()[0])
    items = model.factors().items.astype(float)
    covariance = model.covariance.astype(float)[np.ix_(model.item_rows, model.item_rows)]
    largest = np.linalg.eigvalsh(covariance)[-items.shape[1] :][::-1]
    np.testing.assert_allclose(items.T @ items, np.diag(largest), atol=1e-3)


def test_an_expectation_is_not_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    condition = NonparametricPCA.condition
    monkeypatch.setattr(
        NonparametricPCA, "condition", lambda *given: (calls.append(1), condition(*given))[1]
    )
    fitted(planted(30, 20)[0], n_steps=4, stopping=None)
    assert len(calls) == 1 + 4 + 1


def of_first_users(part: sparse.csr_array, n_users: int) -> sparse.csr_array:
    users, items, ratings = observed(part)
    first = users < n_users
    return csr_matrix(users[first], items[first], ratings[first], part.shape)
