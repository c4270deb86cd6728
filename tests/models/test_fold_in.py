"""Folding in users by each model's own objective."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fivestar.metrics import rmse
from fivestar.models import Model, build
from fivestar.models.bayesian.prior import decompose, implicit_feedback
from fivestar.ratings import Features, csr_matrix, observed

from .behaviour import SCALE, known, planted


def fitted(train: sparse.csr_array, **settings: Any) -> Any:
    model: Model = build(settings)
    model.fit(train, scale=SCALE)
    return model


def whole_stars() -> tuple[sparse.csr_array, sparse.csr_array]:
    parts = planted()
    for part in parts:
        part.data = np.clip(np.rint(part.data + 0.7), 1, 5).astype(np.float32)
    return parts


# -- every model's own objective: where training has converged, users folded in stay where they are

CONVERGED = {"n_factors": 2, "n_steps": 600, "stopping": None, "measure_every": 600}
GD = {"family": "gradient_descent", "learning_rate": 0.05, **CONVERGED}


@pytest.mark.parametrize(
    "settings",
    [
        GD,
        {**GD, "frequency_power": 1.0, "regularization": 3.0, "bias_regularization": 20.0},
        {**GD, "rating_scaling": "standardise"},
        {**GD, "rating_scaling": "min_max", "regularization": 0.5},
        {**GD, "rating_weights": "balanced", "regularization": 3.0},
        {**GD, "family": "mf_gravity", "gravity": 2.0, "regularization": 0.05},
        {**GD, "family": "mf_diagonal", "regularization": 3.0, "learning_rate": 0.02},
        {"family": "svd", "n_factors": 3, "shrinkage": 3.0, "n_steps": 200, "stopping": None},
        {"family": "als", "n_factors": 3, "n_steps": 100, "stopping": None, "count_exponent": 0},
    ],
    ids=str,
)
def test_users_of_converged_models_stay_where_they_are(settings: dict[str, Any]) -> None:
    train, test = whole_stars()
    model = fitted(train, **settings)
    users, items, _ = known(test)
    trained, folded = (each.predict(users, items) for each in (model, model.fold_in(train)))
    assert np.abs(folded - trained).max() < 5e-3


def test_users_of_als_stay_where_they_are_unless_they_rated_little() -> None:
    train, test = whole_stars()
    counts = np.diff(train.indptr)
    model = fitted(train, family="als", n_factors=3, n_steps=100, stopping=None)
    assert model.usual_count[0] == np.median(counts[counts > 0])
    users, items, _ = known(test)
    trained, folded = (each.predict(users, items) for each in (model, model.fold_in(train)))
    enough = counts[users] >= model.usual_count[0]
    assert np.abs(folded - trained)[enough].max() < 5e-3
    assert np.abs(folded - trained)[~enough].max() > 5e-3


def test_one_answer_does_not_make_als_worse_than_none() -> None:
    """By the penalty that one rating would have in training, it did."""
    train, test = planted()
    trained, new = train[:60], train[60:-1]  # the last has no rating
    model = fitted(trained, family="als", n_factors=3)
    users, answered = np.arange(new.shape[0]), new.indptr[:-1]
    stars, asked = new.data[answered], new.indices[answered]
    first = csr_matrix(users, asked, stars, new.shape)
    nothing = sparse.csr_array(new.shape, dtype=np.float32)
    users, items, ratings = observed(test[60:-1])
    none, one = (
        rmse(ratings, model.fold_in(answers).predict(users, items)) for answers in (nothing, first)
    )
    assert one < none


@pytest.mark.parametrize("fill", ["bias", "item_mean"])
def test_sarwars_projection_gives_the_rows_of_the_decomposition_back(fill: str) -> None:
    train, _ = planted()
    model = fitted(train, family="svd", fill=fill, n_steps=1, shrinkage=2.0, n_factors=5)
    folded = model.fold_in(train)
    np.testing.assert_allclose(folded.user_bias, model.user_bias, atol=1e-5)
    np.testing.assert_allclose(folded.user_factors, model.user_factors, atol=1e-3)


def test_models_without_biases_start_from_the_average_user() -> None:
    """Few ratings of a model without mean and penalty would else be fitted at any cost."""
    train, test = planted()
    course: Any = {"family": "gradient_descent", "biases": False, "optimizer": "sgd", "momentum": 0}
    course |= {"regularization": 0, "learning_rate": 1, "n_steps": 300, "init_scale": 1}
    model = fitted(train, **course, n_factors=2, stopping=None, measure_every=100, clamp=False)
    few = train.copy()
    few.data[np.arange(few.nnz) - np.repeat(few.indptr[:-1], np.diff(few.indptr)) >= 2] = 0
    few.eliminate_zeros()
    users, items, ratings = known(test)
    by_two = rmse(ratings, model.fold_in(few).predict(users, items))
    assert by_two < 1.1 * rmse(ratings, model.item_means[items])


# -- contributions


def test_contributions_of_als_are_those_of_hu_koren_and_volinsky() -> None:
    train, _ = planted()
    model = fitted(train, family="als", n_factors=3, n_steps=5, stopping=None)
    inside = slice(*train.indptr[4:6])
    items, stars = train.indices[inside].astype(np.intp), train.data[inside]
    design = np.pad(model.item_factors.astype(float), ((0, 0), (0, 1)), constant_values=1)
    count = max(len(items), *model.usual_count)
    ridge_of_4 = count**model.count_exponent * np.array([1.9, 1.9, 1.9, 0.8])
    inverse = np.linalg.inv(design[items].T @ design[items] + np.diag(ridge_of_4))
    similar = design[items] @ inverse @ design[9]
    base, contributions = model.contributions(items, stars, 9)
    above = stars - model.global_mean - model.item_bias[items]
    np.testing.assert_allclose(contributions, similar * above, atol=1e-5)
    assert base == pytest.approx(model.mean[0] + model.item_bias[9], abs=1e-5)


def test_a_good_rating_of_a_like_item_speaks_for_it() -> None:
    """Items of even and of odd position are liked by different users."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((80, 20)) < 0.6)
    stars = np.where(users % 2 == items % 2, 5.0, 1.0)
    model = fitted(csr_matrix(users, items, stars, (80, 20)), family="als", n_factors=2)
    _, contributions = model.contributions(np.array([1, 2, 3]), np.array([5.0, 1.0, 1.0]), 5)
    assert contributions[0] > 0.5
    assert contributions[2] < -0.5
    # Of the other kind: what the dislike says for the item makes up for what it says of the user.
    assert contributions[1] > -0.1


def test_without_ratings_there_are_no_contributions() -> None:
    train, _ = planted()
    for settings in ({"family": "als"}, {"family": "svdpp", "n_steps": 2}, {"family": "item_knn"}):
        base, contributions = fitted(train, **settings).contributions(
            np.array([79]), np.array([5.0]), 3
        )
        assert np.isfinite(base)
        assert contributions.tolist() == [0]  # of item 79 nothing is known


# -- Bayesian models

SHORT = {"n_factors": 3, "n_burn_in": 40, "n_steps": 80, "n_kept": 40}
FULL = {"family": "bayesian_mf", **SHORT}


@pytest.fixture(scope="module")
def ordinal() -> Any:
    train, _ = whole_stars()
    rng = np.random.default_rng(0)
    features = Features(*(sparse.csr_array(rng.random((n, 3))) for n in train.shape))
    model: Any = build(FULL)
    model.fit(train, scale=SCALE, features=features)
    return model, features.users


def test_users_are_folded_in_with_probabilities_and_intervals(
    ordinal: Any,
) -> None:
    train, test = whole_stars()
    model, features = ordinal
    folded = model.fold_in(train, features=features)
    users, items, ratings = known(test)
    trained = model.predict(users, items)
    assert rmse(folded.predict(users, items), trained) < 0.1 * trained.std()
    assert folded.cutpoints.shape == model.cutpoints.shape
    np.testing.assert_allclose(folded.noise_roots.mean(), model.noise_roots.mean(), rtol=0.05)
    np.testing.assert_allclose(
        folded.distribution.probabilities(users, items),
        model.distribution.probabilities(users, items),
        atol=0.2,
    )
    lower, upper = folded.distribution.interval(users, items, 0.8)
    assert np.mean((lower <= ratings) & (ratings <= upper)) > 0.8


@pytest.mark.parametrize("option", ["implicit_feedback", "user_cutpoints", "noise_per_user"])
def test_options_of_the_bayesian_model_are_folded_in(option: str) -> None:
    train, test = whole_stars()
    model = fitted(train, **{**FULL, option: False})
    users, items, _ = known(test)
    trained, folded = (each.predict(users, items) for each in (model, model.fold_in(train)))
    assert rmse(folded, trained) < 0.1 * trained.std()


def test_features_are_folded_in_at_the_coordinates_they_had_in_training(ordinal: Any) -> None:
    model, features = ordinal
    train, _ = whole_stars()
    coordinates = model._coordinates(train, features)
    expected = np.hstack([decompose(f, 100)[1] for f in (features, implicit_feedback(train))])
    full = np.diff(train.indptr) > 0
    np.testing.assert_allclose(np.abs(coordinates[full]), np.abs(expected[full]), atol=1e-4)
    n_side = len(model.side_default)
    unknown = model._coordinates(train, None)
    np.testing.assert_array_equal(
        unknown[:, :n_side], np.tile(model.side_default, (len(unknown), 1))
    )
    np.testing.assert_array_equal(unknown[:, n_side:], coordinates[:, n_side:])
    nobody = model._coordinates(empty_row(train), None)
    usual = np.concatenate([model.side_default, model.implicit_default])
    np.testing.assert_array_equal(nobody, [usual])


def empty_row(train: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array((1, train.shape[1]), dtype=np.float32)


def test_items_that_are_new_are_not_taken_for_unpopular() -> None:
    """What many rate is liked; an item without ratings once read as one that all pass over."""
    random = np.random.default_rng(0)
    n_users, n_items = 150, 100
    quality = random.normal(0, 0.7, n_items)
    users, items = np.nonzero(random.random((n_users, n_items)) < 0.5 / (1 + np.exp(-4 * quality)))
    stars = np.clip(np.rint(3.4 + quality[items] + random.normal(0, 0.5, len(items))), 1, 5)
    new = items % 5 == 0
    rest = csr_matrix(users[~new], items[~new], stars[~new], (n_users, n_items))
    labels = sparse.csr_array(np.eye(3, dtype=np.float32)[random.integers(0, 3, n_items)])
    features = Features(sparse.csr_array((n_users, 1), dtype=np.float32), labels)
    model = build({"family": "bayesian_mf", **FULL, "unrated_items": "new"})
    model.fit(rest, scale=SCALE, features=features)
    predicted, fallback, _ = model.predict_detailed(users[new], items[new])
    assert not fallback.any()
    assert abs(predicted.mean() - rest.data.mean()) < 0.3


def test_user_without_ratings_is_predicted_from_their_features() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 4, 160)
    taste = 3 + rng.normal(0, 1, (4, 60))
    users, items = np.nonzero(rng.random((160, 60)) < 0.5)
    stars = np.clip(np.rint(taste[kinds[users], items] + rng.normal(0, 0.4, len(users))), 1, 5)
    features = sparse.csr_array(np.eye(4, dtype=np.float32)[kinds])
    old = users < 130
    train = csr_matrix(users[old], items[old], stars[old], (130, 60))
    model: Any = build({**FULL, "n_factors": 4})
    nothing = sparse.csr_array((60, 0), dtype=np.float32)
    model.fit(train, scale=SCALE, features=Features(features[:130], nothing))
    new_users = sparse.csr_array((30, 60), dtype=np.float32)
    asked = users[~old] - 130, items[~old]
    errors = [
        rmse(stars[~old], model.fold_in(new_users, features=given).predict(*asked))
        for given in (features[130:], None)
    ]
    assert errors[0] < 0.75 * errors[1]
    with pytest.raises(ValueError, match="features"):
        model.fold_in(new_users, features=features[130:, :3])
    with pytest.raises(ValueError, match="users"):
        model.fold_in(new_users, features=features[:4])


# -- the rest


def test_nobody_cannot_be_folded_in() -> None:
    train, _ = planted()
    with pytest.raises(ValueError, match="no users"):
        fitted(train, family="bias").fold_in(train[:0])


def test_model_that_does_not_say_how_refuses() -> None:
    class Plain(Model):
        family = "plain"

        def _fit(self, training: Any) -> Any: ...

        def _score(self, users: Any, items: Any) -> Any: ...

    model = Plain()
    assert not model.can_fold_in
    assert not model.can_explain
    with pytest.raises(NotImplementedError, match="plain cannot fold in users"):
        model.fold_in(planted()[0])
