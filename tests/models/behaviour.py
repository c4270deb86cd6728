"""What every model must do; a model's test class inherits it and names its settings."""

from __future__ import annotations

import copy
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy import sparse

from fivestar.metrics import rmse
from fivestar.models import History, Model, build, load
from fivestar.ratings import Context, Scale, csr_matrix, merge, observed, with_values

SCALE = Scale(1, 5)
NOISE = 0.3


def planted(
    n_users: int = 120, n_items: int = 80, rank: int = 2, share: float = 0.5, seed: int = 0
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Train and test part of biases plus a low-rank matrix with noise of 0.3 stars.

    The last user and the last item have no rating in train.
    """
    rng = np.random.default_rng(seed)
    truth = (
        3
        + rng.normal(0, 0.3, (n_users, 1))
        + rng.normal(0, 0.3, (1, n_items))
        + rng.normal(0, 0.6, (n_users, rank)) @ rng.normal(0, 0.6, (rank, n_items))
    )
    stars = np.clip(truth + rng.normal(0, NOISE, truth.shape), 1, 5).round(3)
    role = rng.random(truth.shape)
    role[-1, :] = np.where(role[-1, :] < share, 1, role[-1, :])
    role[:, -1] = np.where(role[:, -1] < share, 1, role[:, -1])
    parts = []
    for inside in (role < share, role >= 1 - 0.2 * share):
        users, items = np.nonzero(inside)
        parts.append(csr_matrix(users, items, stars[users, items], truth.shape))
    return parts[0], parts[1]


def planted_biases(
    n_users: int = 1000, n_items: int = 400, per_user: int = 4, seed: int = 0
) -> tuple[sparse.csr_array, sparse.csr_array, np.ndarray]:
    """Train and validation split of biases and noise alone, few ratings each; and the truth."""
    rng = np.random.default_rng(seed)
    truth = 3 + rng.normal(0, 0.4, (n_users, 1)) + rng.normal(0, 0.4, (1, n_items))
    pairs = np.sort(rng.choice(truth.size, per_user * n_users, replace=False))
    users, items = np.unravel_index(pairs, truth.shape)
    ratings = np.clip(np.rint(truth[users, items] + rng.normal(0, 0.8, len(pairs))), 1, 5)
    held_out = rng.random(len(pairs)) < 0.25
    train, validation = (
        csr_matrix(users[inside], items[inside], ratings[inside], truth.shape)
        for inside in (~held_out, held_out)
    )
    return train, validation, truth


class ModelBehaviour:
    """Inherit, set ``settings``, and, where the model can, ``planted_rmse``."""

    settings: ClassVar[dict[str, Any]]
    planted_rmse: ClassVar[float]
    """Largest RMSE on the planted data; the noise is 0.3, the bias model reaches about 0.6."""
    fold_in_tolerance: ClassVar[float] = 0.1
    """Largest RMS difference of folded-in from trained predictions, over the latter's spread."""
    new_users_rmse: ClassVar[float]
    """Largest RMSE of users who were not in train, where it is not ``planted_rmse``."""

    @classmethod
    def fitted(cls, train: sparse.csr_array, **changes: Any) -> Model:
        model = build({**cls.settings, **changes})
        cls.fit(model, train)
        return model

    @classmethod
    def fit(
        cls,
        model: Model,
        train: sparse.csr_array,
        validation: sparse.csr_array | None = None,
        scale: Scale = SCALE,
    ) -> History:
        contexts = {"context": cls.context_of(train)}
        if validation is not None:
            contexts["validation_context"] = cls.context_of(validation)
        return model.fit(train, validation, scale=scale, **contexts)

    @classmethod
    def context_of(cls, ratings: sparse.csr_array) -> Context | None:
        """Times of the ratings, for models that need them; they tell nothing."""
        users, items, _ = observed(ratings)
        times = build(cls.settings).uses_times
        return Context(with_values(ratings, times_of(users, items))) if times else None

    @pytest.fixture(scope="class")
    @classmethod
    def parts(cls) -> tuple[sparse.csr_array, sparse.csr_array]:
        return planted()

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, parts: tuple[sparse.csr_array, sparse.csr_array]) -> Model:
        return cls.fitted(parts[0])

    @pytest.fixture(scope="class")
    @classmethod
    def folded(cls, model: Model, parts: tuple[sparse.csr_array, sparse.csr_array]) -> Model:
        """The known users of train, folded in as if they were new."""
        if not model.can_fold_in:
            with pytest.raises(NotImplementedError, match="cannot fold in"):
                model.fold_in(parts[0])
            pytest.skip("refuses to fold in, as it says")
        return model.fold_in(parts[0])

    def test_finds_the_planted_structure(self, model: Model, parts: tuple) -> None:
        users, items, ratings = known(parts[1])
        error = rmse(ratings, model.predict(users, items))
        assert NOISE * 0.9 < error < self.planted_rmse

    def test_predictions_are_float32_finite_and_inside_the_scale(
        self, model: Model, parts: tuple
    ) -> None:
        users, items, _ = observed(parts[1])
        prediction = model.predict(users, items)
        assert prediction.dtype == np.float32
        assert prediction.shape == users.shape
        assert np.isfinite(prediction).all()
        if model.clamp:
            assert prediction.min() >= SCALE.lowest
            assert prediction.max() <= SCALE.highest

    def test_saved_and_loaded_model_predicts_the_same_to_the_last_bit(
        self, model: Model, parts: tuple, tmp_path: Path
    ) -> None:
        users, items, _ = observed(parts[1])
        model.save(tmp_path / "model")
        again = load(tmp_path / "model")
        assert again.settings == model.settings
        np.testing.assert_array_equal(again.predict(users, items), model.predict(users, items))

    def test_unknown_item_gets_the_users_mean_and_is_counted(
        self, model: Model, parts: tuple
    ) -> None:
        users = np.array([0, 0])
        items = np.array([parts[0].shape[1] - 1, -1])
        prediction, fallback, _ = model.predict_detailed(users, items)
        mean = parts[0].data[: parts[0].indptr[1]].mean()
        np.testing.assert_allclose(prediction, mean, rtol=1e-5)
        assert fallback.all()

    def test_unknown_user_gets_the_items_mean_and_is_counted(
        self, model: Model, parts: tuple
    ) -> None:
        users = np.array([parts[0].shape[0] - 1, -1])
        items = np.array([0, 0])
        prediction, fallback, _ = model.predict_detailed(users, items)
        mean = parts[0].data[parts[0].indices == 0].mean()
        np.testing.assert_allclose(prediction, mean, rtol=1e-5)
        assert fallback.all()

    def test_unknown_pair_gets_the_global_mean(self, model: Model, parts: tuple) -> None:
        prediction, fallback, _ = model.predict_detailed(np.array([-1]), np.array([-1]))
        np.testing.assert_allclose(prediction, parts[0].data.mean(), rtol=1e-5)
        assert fallback.all()

    def test_same_seed_gives_the_same_model_and_empty_validation_is_as_none(
        self, model: Model, parts: tuple
    ) -> None:
        users, items, _ = observed(parts[1])
        again = build(self.settings)
        self.fit(again, parts[0], sparse.csr_array(parts[0].shape, dtype=np.float32))
        np.testing.assert_array_equal(again.predict(users, items), model.predict(users, items))

    @pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1)])
    def test_one_user_or_one_item_is_enough(self, shape: tuple[int, int]) -> None:
        users, items = (grid.ravel() for grid in np.indices(shape))
        stars = np.resize([5.0, 4.0, 2.0], users.size)
        model = self.fitted(csr_matrix(users, items, stars, shape))
        assert np.isfinite(model.predict(users, items)).all()

    def test_constant_ratings_are_predicted_back(self) -> None:
        users, items = np.nonzero(np.random.default_rng(1).random((20, 15)) < 0.5)
        model = self.fitted(csr_matrix(users, items, np.full(users.size, 4.0), (20, 15)))
        np.testing.assert_allclose(model.predict(users, items), 4.0, atol=0.15)

    def test_history_measures_validation_by_the_saved_models_own_predictions(
        self, parts: tuple
    ) -> None:
        model = build(self.settings)
        history = self.fit(model, *parts)
        users, items, ratings = observed(parts[1])
        at = history.steps.index(history.best_step)
        assert history.validation_rmse[at] == pytest.approx(
            rmse(ratings, model.predict(users, items, times_of(users, items))), abs=1e-6
        )
        assert len(history.steps) == len(history.train_rmse) == len(history.validation_rmse)

    def test_where_there_are_biases_alone_and_few_ratings_it_is_no_worse_than_these(self) -> None:
        model = build(self.settings)
        if not model.bias_fallback:
            pytest.skip("a baseline, which stays what it is")
        train, validation, truth = planted_biases()
        history = self.fit(model, train, validation)
        final, biases = model.for_refit(history), build({"family": "bias"})
        errors = []
        for each in (final, biases):
            self.fit(each, merge(train, validation))
            known = np.ix_(each.known_users, each.known_items)
            predicted = each.predict(*map(np.ravel, np.indices(truth.shape))).reshape(truth.shape)
            errors.append(np.hypot(rmse(truth[known], predicted[known]), 0.8))
        assert errors[0] < 1.005 * errors[1]

    def test_no_rating_at_all_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no rating"):
            self.fitted(sparse.csr_array((3, 3), dtype=np.float32))

    @pytest.mark.parametrize("factor", [20, 3.7])
    def test_ratings_times_any_factor_give_predictions_times_that(
        self, model: Model, parts: tuple, factor: float
    ) -> None:
        users, items, _ = observed(parts[1])
        again = build(self.settings)
        scale = Scale(factor * SCALE.lowest, factor * SCALE.highest)
        self.fit(again, with_values(parts[0], np.float32(factor) * parts[0].data), scale=scale)
        scaled, expected = again.predict(users, items), factor * model.predict(users, items)
        np.testing.assert_allclose(scaled, expected, rtol=1e-3)
        own, of_model = again.factors(), model.factors()
        if own is not None and own.exact:
            pairs = users[:50], items[:50]
            np.testing.assert_allclose(
                sums(own, *pairs), factor * sums(of_model, *pairs), rtol=1e-3, atol=1e-3 * factor
            )

    def test_factors_that_are_exact_give_the_predictions(self, model: Model, parts: tuple) -> None:
        users, items, _ = known(parts[1])
        free = copy.copy(model)
        free.clamp = False
        for factors in (model.factors(), model.ranking_factors()):
            if factors is None or not factors.exact:
                assert factors is None or len(factors.items) == model.n_items
                continue
            assert factors.in_ratings
            np.testing.assert_allclose(
                sums(factors, users, items), free.predict(users, items), atol=1e-4
            )

    def test_score_that_is_not_finite_is_counted_apart_from_fallbacks(self, model: Model) -> None:
        broken: Any = copy.copy(model)
        broken._score_at = lambda users, items, times: np.where(items == 3, np.nan, 2.0)
        users, items = np.array([0, 1, -1]), np.array([3, 4, 3])
        prediction, fallback, non_finite = broken.predict_detailed(users, items)
        assert non_finite.tolist() == [True, False, False]
        assert fallback.tolist() == [False, False, True]
        np.testing.assert_allclose(prediction[[0, 2]], model.item_means[3], rtol=1e-6)

    def test_best_step_of_zero_is_refitted_with_none(self, parts: tuple) -> None:
        if "stopping" not in build(self.settings).settings:
            pytest.skip("does not stop early")
        again = build({**self.settings, "stopping": {"patience": 1}}).for_refit(History())
        history = self.fit(again, parts[0])
        assert (again.settings["n_steps"], again.settings["stopping"]) == (0, None)
        assert history.steps == [0]
        assert np.isfinite(again.predict(*known(parts[1])[:2])).all()

    # -- new users

    def test_known_users_folded_in_are_predicted_nearly_as_in_training(
        self, model: Model, folded: Model, parts: tuple
    ) -> None:
        users, items, _ = known(parts[1])
        trained, prediction = (each.predict(users, items) for each in (model, folded))
        assert rmse(prediction, trained) <= self.fold_in_tolerance * trained.std()

    @pytest.mark.usefixtures("folded")
    def test_users_who_were_not_in_train_are_predicted_as_well(self, parts: tuple) -> None:
        n_trained = 90
        users, items, ratings = known(parts[1][n_trained:])
        folded = self.fitted(parts[0][:n_trained]).fold_in(parts[0][n_trained:])
        error = rmse(ratings, folded.predict(users, items))
        assert error < getattr(self, "new_users_rmse", self.planted_rmse)

    def test_folding_in_changes_nothing_of_the_model_and_copies_no_item(
        self, model: Model, parts: tuple
    ) -> None:
        before = {name: array.copy() for name, array in arrays(model).items()}
        folded = model.fold_in(parts[0][:3])
        for name, array in arrays(model).items():
            np.testing.assert_array_equal(array, before[name], err_msg=name)
            if name.startswith(("item_", "known_items")):
                assert getattr(folded, name) is array
        assert folded.settings == model.settings
        assert folded.n_users == len(folded.known_users) == 3

    @pytest.mark.usefixtures("folded")
    def test_nobodys_prediction_depends_on_who_else_is_folded_in(
        self, model: Model, parts: tuple
    ) -> None:
        items = np.arange(parts[0].shape[1])
        alone = model.fold_in(parts[0][[5]]).predict(np.zeros_like(items), items)
        beside = model.fold_in(parts[0][[9, 5, 3, 50]]).predict(np.ones_like(items), items)
        np.testing.assert_allclose(alone, beside, atol=1e-4)

    def test_folding_in_again_even_into_a_folded_model_gives_the_same(
        self, model: Model, folded: Model, parts: tuple
    ) -> None:
        users, items, _ = known(parts[1])
        again = model.fold_in(parts[0])
        np.testing.assert_array_equal(again.predict(users, items), folded.predict(users, items))
        twice = again.fold_in(parts[0][:7]).fold_in(parts[0])
        difference = twice.predict(users, items) - folded.predict(users, items)
        assert np.abs(difference).max() < 1e-4

    @pytest.mark.usefixtures("folded")
    def test_user_without_ratings_gets_finite_predictions_near_the_items_means(
        self, model: Model, parts: tuple
    ) -> None:
        users = sparse.csr_array((2, parts[0].shape[1]), dtype=np.float32)
        items = np.arange(parts[0].shape[1] - 1)
        stars = model.fold_in(users).predict(np.ones_like(items), items)
        assert np.isfinite(stars).all()
        assert rmse(stars, model.item_means[items]) < 0.4

    def test_folded_model_is_saved_and_loaded(
        self, folded: Model, parts: tuple, tmp_path: Path
    ) -> None:
        users, items, _ = observed(parts[1])
        folded.save(tmp_path / "model")
        again = load(tmp_path / "model")
        np.testing.assert_array_equal(again.predict(users, items), folded.predict(users, items))

    @pytest.mark.usefixtures("folded")
    def test_ratings_of_unknown_items_tell_nothing_but_the_mean(
        self, model: Model, parts: tuple
    ) -> None:
        n_items = parts[0].shape[1]
        items, stars = np.array([2, 5, n_items - 1]), np.array([4.0, 5.0, 1.0])
        asked, fallback = [], []
        for n in (2, 3):
            user = csr_matrix(np.zeros(n, int), items[:n], stars[:n], (1, n_items))
            folded = model.fold_in(user)
            asked.append(folded.predict(np.zeros(10, int), np.arange(10)))
            fallback.append(folded.predict(np.array([0]), np.array([n_items - 1])))
        np.testing.assert_allclose(*asked, atol=1e-5)
        np.testing.assert_allclose(np.concatenate(fallback), [9 / 2, 10 / 3], rtol=1e-5)

    @pytest.mark.usefixtures("folded")
    def test_ratings_of_other_items_cannot_be_folded_in(self, model: Model, parts: tuple) -> None:
        with pytest.raises(ValueError, match="items"):
            model.fold_in(parts[0][:, :-1])

    def test_contributions_of_the_ratings_sum_to_the_prediction(
        self, model: Model, parts: tuple
    ) -> None:
        user = parts[0][[5]]
        items, stars = user.indices[::-1].astype(np.intp), user.data[::-1]
        if not model.can_explain:
            with pytest.raises(NotImplementedError, match="not a sum"):
                model.contributions(items, stars, 0)
            return
        folded = model.fold_in(user)
        folded.clamp = False
        for item in (0, int(items[0]), 33):
            base, contributions = model.contributions(items, stars, item)
            prediction = folded.predict(np.array([0]), np.array([item]))
            assert base + contributions.sum() == pytest.approx(prediction[0], abs=1e-4)
            assert contributions.shape == stars.shape
            assert model.contributions(items[:0], stars[:0], item)[0] == pytest.approx(base)
        with pytest.raises(ValueError, match="nothing is known"):
            model.contributions(items, stars, parts[0].shape[1] - 1)


def times_of(users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Seconds, about as many different ones as pairs, in no order."""
    return 1e9 + (7919 * users + 104_729 * items) % 1_000_003


def known(part: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users, items and ratings of planted data but for the last user and item."""
    users, items, ratings = observed(part)
    inside = (users < part.shape[0] - 1) & (items < part.shape[1] - 1)
    return users[inside], items[inside], ratings[inside]


def sums(factors: Any, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Of pairs: constant, biases and product of vectors."""
    total = factors.constant + np.einsum("pk,pk->p", factors.users[users], factors.items[items])
    for bias, indices in ((factors.user_bias, users), (factors.item_bias, items)):
        total = total + (0 if bias is None else bias[indices])
    return total


def arrays(model: Model) -> dict[str, np.ndarray]:
    """What the model has learned, by name."""
    return {
        entry.name: getattr(model, entry.name)
        for entry in fields(model)
        if entry.metadata.get("learned")
    }
