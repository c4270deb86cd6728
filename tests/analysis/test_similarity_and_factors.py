"""Factors of models, what lies close in them, principal factors, maps, labels, residuals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from fivestar.analysis.labels import OTHER, Labels, described, labels_of
from fivestar.analysis.maps import pca, trustworthiness, tsne
from fivestar.analysis.principal_factors import principal_factors
from fivestar.analysis.residuals import calibration, errors_by_count, histogram
from fivestar.analysis.similarity import label_jaccard, nearest
from fivestar.models import Factors, Model, build
from fivestar.ratings import Scale, csr_matrix

SCALE = Scale(1, 5)
N_USERS, N_ITEMS = 30, 20


def trained(**settings: Any) -> Model:
    random = np.random.default_rng(0)
    users, items = np.nonzero(random.random((N_USERS, N_ITEMS)) < 0.6)
    stars = np.clip(np.rint(random.normal(3.5, 1, len(users))), 1, 5)
    model = build({"n_steps": 3, **settings})
    model.fit(csr_matrix(users, items, stars, (N_USERS, N_ITEMS)), scale=SCALE)
    return model


def told(factors: Factors | None) -> np.ndarray:
    """What the factors say of all pairs, (n_users, n_items)."""
    assert factors is not None
    assert factors.users is not None
    sums = factors.users.astype(np.float64) @ factors.items.T + factors.constant
    if factors.user_bias is not None:
        sums += factors.user_bias[:, None]
    return sums if factors.item_bias is None else sums + factors.item_bias


def scored(model: Model) -> np.ndarray:
    """Predictions of all pairs before they are kept inside the scale."""
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS)
    return model._score(users, items).astype(np.float64).reshape(N_USERS, N_ITEMS)


# -- factors of models


@pytest.mark.parametrize(
    "settings",
    [
        {"family": "als", "n_factors": 3, "init_scale": 0.5},
        {"family": "gradient_descent", "n_factors": 2, "rating_scaling": "standardise"},
        {"family": "gradient_descent", "n_factors": 2, "biases": False, "init_scale": 1},
        {"family": "mf_diagonal", "n_factors": 3, "init_diagonal": 0.1, "learning_rate": 0.3},
        {"family": "svd", "n_factors": 3, "shrinkage": 1},
        {"family": "svd", "n_factors": 3, "fill": "item_mean", "n_steps": 1},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_dot_products_and_biases_are_the_prediction_but_for_a_constant(
    settings: dict[str, Any],
) -> None:
    model = trained(**settings)
    factors = model.factors()
    left = scored(model) - told(factors)
    assert factors is not None
    assert factors.in_ratings
    assert np.ptp(scored(model)) > 0.1
    np.testing.assert_allclose(left, left.mean(), atol=2e-5)


def test_with_a_sigmoid_they_are_its_argument() -> None:
    model = trained(family="dot_bias", n_factors=3)
    factors = model.factors()
    left = logit((scored(model) - 0.5) / 5) - told(factors)  # 0.5 to 5.5, a margin of 0.5
    assert factors is not None
    assert not factors.in_ratings
    np.testing.assert_allclose(left, left.mean(), atol=1e-4)


# -- neighbours


def test_a_dot_product_favours_long_vectors_and_a_cosine_does_not() -> None:
    vectors = np.array([[1, 0], [0.5, 0.1], [9, 9], [-1, 0], [0, 0], [3, 0.1]])
    allowed = np.array([True, True, True, True, True, False])
    by_cosine, cosines = nearest(vectors, 0, allowed, 9, "cosine")
    by_dot, products = nearest(vectors, 0, allowed, 2, "dot")
    assert by_cosine.tolist() == [1, 2, 4, 3]
    np.testing.assert_allclose(cosines, [0.5 / np.hypot(0.5, 0.1), 0.5**0.5, 0, -1])
    assert by_dot.tolist() == [2, 1]
    assert products.tolist() == [9, 0.5]


def test_labels_in_common_of_neighbours_are_told_beside_those_of_any_two_items() -> None:
    vectors = np.array([[1, 0.1], [1, 0], [0.1, 1], [0, 1]])
    labels = Labels("genre", [["Drama"], ["Drama", "War"], ["Comedy", "Comedy"], ["Comedy"]])
    matrix, names = labels.matrix()
    near, any_two = label_jaccard(vectors, matrix, 1)
    assert names == ["Comedy", "Drama", "War"]
    assert near == pytest.approx((0.5 + 0.5 + 1 + 1) / 4)
    assert any_two == pytest.approx((0.5 + 1) / 6)


# -- maps


def test_tsne_keeps_groups_together_and_is_reproducible() -> None:
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(3, 8), 20, axis=0)
    vectors = centres + random.normal(0, 0.05, centres.shape)
    places = tsne(vectors, perplexity=30, seed=1)
    group = np.repeat(np.arange(3), 20)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(60)
    assert (group[apart.argmin(1)] == group).all()
    trust = trustworthiness(vectors, places)
    assert trust is not None
    assert trust > 0.9
    np.testing.assert_array_equal(tsne(vectors, perplexity=30, seed=1), places)


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_few_items_are_placed_too(n: int) -> None:
    places = tsne(np.random.default_rng(0).normal(size=(n, 3)), perplexity=30, seed=0)
    assert places.shape == (n, 2)
    assert np.isfinite(places).all()


def test_principal_components_of_a_line_have_one_axis() -> None:
    places, shares = pca(np.outer([0.0, 1, 2, 4], [3, 4, 0]))
    np.testing.assert_allclose(shares, [1, 0], atol=1e-12)
    np.testing.assert_allclose(np.ptp(places[:, 0]), 20)
    np.testing.assert_allclose(places[:, 1], 0, atol=1e-6)


# -- factors


def planted_factors() -> tuple[np.ndarray, np.ndarray]:
    """Items and users of two uncorrelated factors, the first of which counts for more."""
    random = np.random.default_rng(0)
    users, items = random.normal(size=(100, 2)), random.normal(size=(80, 2))
    users, items = (np.linalg.qr(side - side.mean(0))[0] for side in (users, items))
    return items * [2, 4], users * 10  # users of variance 1


def test_factors_come_by_what_they_explain_whatever_basis_they_are_given_in() -> None:
    items, users = planted_factors()
    change = np.array([[1, 0.5], [-0.3, 2]])
    found = principal_factors(items @ np.linalg.inv(change).T + [5, -2], users @ change + [1, 3], 6)
    np.testing.assert_allclose(found.shares, [16 / 20, 4 / 20])
    for n, planted in enumerate((items[:, 1], items[:, 0])):
        sign = np.sign(found.scores[0, n] * planted[0])
        np.testing.assert_allclose(found.scores[:, n], sign * planted, atol=1e-9)
        assert (found.scores[:, n] ** 3).sum() >= 0


def test_without_users_the_items_themselves_are_decomposed() -> None:
    items, _ = planted_factors()
    np.testing.assert_allclose(principal_factors(items, None, 2).shares, [0.8, 0.2])


@pytest.mark.parametrize("items", [np.zeros((4, 2)), np.ones((1, 2))])
def test_where_nothing_differs_there_is_no_factor(items: np.ndarray) -> None:
    found = principal_factors(items, np.ones((3, 2)), 2)
    assert found.scores.shape == (len(items), 0)


# -- labels


def test_the_main_label_is_the_rarest_and_small_ones_give_way() -> None:
    labels = Labels("genre", [["Drama"], ["Drama", "War"], ["Drama", "War"], ["Drama", "Noir"], []])
    assert labels.main(9) == ["Drama", "War", "War", "Noir", OTHER]
    assert labels.main(2) == ["Drama", "War", "War", "Drama", OTHER]
    assert labels.main(1) == ["Drama", "Drama", "Drama", "Drama", OTHER]


def test_labels_are_what_the_data_set_has() -> None:
    books = pd.DataFrame({"item": list("1234"), "title": list("bbbb"), "author": list("yxxx")})
    bare = books[["item", "title"]]
    assert labels_of(bare) is None
    assert labels_of(books) == Labels("author", [["y"], ["x"], ["x"], ["x"]])
    by_decade = labels_of(books.assign(year=[pd.NA, 1999, 2010, 2001]))
    assert by_decade == Labels("decade", [[], ["1990s"], ["2010s"], ["2000s"]])
    films = books.assign(year=1990, genres=[None, np.array(["War"]), ["Noir", "War"], np.array([])])
    assert labels_of(films) == Labels("genre", [[], ["War"], ["Noir", "War"], []])
    assert described(films) == ["", "War", "Noir, War", ""]
    assert described(books) == ["y", "x", "x", "x"]
    assert described(bare) == [""] * 4


# -- residuals


def test_calibrated_predictions_lie_on_the_line() -> None:
    predicted = np.repeat([1.1, 2.5, 4.9], 200)
    actual = predicted + np.tile([-0.5, 0.5], 300)
    bins = calibration(actual, predicted, SCALE, 20)
    np.testing.assert_allclose(bins["actual"], bins["predicted"])
    assert bins["n_ratings"].tolist() == [200, 200, 200]
    np.testing.assert_allclose(bins["high"] - bins["low"], 2 * 1.96 * 0.5 / 200**0.5, rtol=0.01)
    wild = calibration([1, 5], [-7, 9], SCALE, 4)
    assert wild["predicted"].tolist() == [-7, 9]


def test_groups_hold_about_equally_many_ratings_and_split_no_count() -> None:
    counts = np.repeat([0, 1, 2, 5, 9], [50, 10, 10, 15, 15])
    actual = np.zeros(100)
    predicted = np.where(counts == 0, 2.0, -0.5)
    groups = errors_by_count(counts, actual, predicted, 4)
    assert groups["n_ratings"].sum() == 100
    assert groups["min_count"].tolist() == [0, 1, 9]
    assert groups["max_count"].tolist() == [0, 5, 9]
    np.testing.assert_allclose(groups["rmse"], [2, 0.5, 0.5])
    np.testing.assert_allclose(groups["mean_error"], [2, -0.5, -0.5])


def test_residuals_beyond_the_scale_are_in_the_last_bins() -> None:
    bins = histogram(np.array([-9.0, 0.1, 0.2, 9.0]), SCALE, 8)
    assert bins["low"].iloc[0] == -4
    assert bins["share"].tolist() == [0.25, 0, 0, 0, 0.5, 0, 0, 0.25]
    random = np.random.default_rng(0).normal(0.2, 0.9, 20_000)
    bins = histogram(random, SCALE, 32)
    np.testing.assert_allclose(bins["share"], bins["normal"], atol=0.01)
