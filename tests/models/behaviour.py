"""What every model must do; a model's test class inherits it and names its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy import sparse

from fivestar.metrics import rmse
from fivestar.models import Model, build, load
from fivestar.ratings import Scale, csr_matrix, observed

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
    stars = np.clip(truth + rng.normal(0, NOISE, truth.shape), 1, 5)
    role = rng.random(truth.shape)
    role[-1, :] = np.where(role[-1, :] < share, 1, role[-1, :])
    role[:, -1] = np.where(role[:, -1] < share, 1, role[:, -1])
    parts = []
    for inside in (role < share, role >= 1 - 0.2 * share):
        users, items = np.nonzero(inside)
        parts.append(csr_matrix(users, items, stars[users, items], truth.shape))
    return parts[0], parts[1]


class ModelBehaviour:
    """Inherit, set ``settings``, and, where the model can, ``planted_rmse``."""

    settings: ClassVar[dict[str, Any]]
    planted_rmse: ClassVar[float]
    """Largest RMSE on the planted data; the noise is 0.3, the bias model reaches about 0.6."""

    @classmethod
    def fitted(cls, train: sparse.csr_array, **changes: Any) -> Model:
        model = build({**cls.settings, **changes})
        model.fit(train, scale=SCALE)
        return model

    @pytest.fixture(scope="class")
    @classmethod
    def parts(cls) -> tuple[sparse.csr_array, sparse.csr_array]:
        return planted()

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, parts: tuple[sparse.csr_array, sparse.csr_array]) -> Model:
        return cls.fitted(parts[0])

    def test_finds_the_planted_structure(self, model: Model, parts: tuple) -> None:
        users, items, ratings = observed(parts[1])
        known = (users < parts[1].shape[0] - 1) & (items < parts[1].shape[1] - 1)
        error = rmse(ratings[known], model.predict(users[known], items[known]))
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

    def test_same_seed_gives_the_same_model(self, model: Model, parts: tuple) -> None:
        users, items, _ = observed(parts[1])
        again = self.fitted(parts[0])
        np.testing.assert_array_equal(again.predict(users, items), model.predict(users, items))

    def test_unknown_item_gets_the_users_mean_and_is_counted(
        self, model: Model, parts: tuple
    ) -> None:
        users = np.array([0, 0])
        items = np.array([parts[0].shape[1] - 1, -1])
        prediction, fallback = model.predict_or_fall_back(users, items)
        mean = parts[0].data[: parts[0].indptr[1]].mean()
        np.testing.assert_allclose(prediction, mean, rtol=1e-5)
        assert fallback.all()

    def test_unknown_user_gets_the_items_mean_and_is_counted(
        self, model: Model, parts: tuple
    ) -> None:
        users = np.array([parts[0].shape[0] - 1, -1])
        items = np.array([0, 0])
        prediction, fallback = model.predict_or_fall_back(users, items)
        mean = parts[0].data[parts[0].indices == 0].mean()
        np.testing.assert_allclose(prediction, mean, rtol=1e-5)
        assert fallback.all()

    def test_unknown_pair_gets_the_global_mean(self, model: Model, parts: tuple) -> None:
        prediction, fallback = model.predict_or_fall_back(np.array([-1]), np.array([-1]))
        np.testing.assert_allclose(prediction, parts[0].data.mean(), rtol=1e-5)
        assert fallback.all()

    def test_empty_validation_is_the_same_as_none(self, model: Model, parts: tuple) -> None:
        users, items, _ = observed(parts[1])
        again = build(self.settings)
        again.fit(parts[0], sparse.csr_array(parts[0].shape, dtype=np.float32), scale=SCALE)
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
        history = model.fit(*parts, scale=SCALE)
        users, items, ratings = observed(parts[1])
        at = history.steps.index(history.best_step)
        assert history.validation_rmse[at] == pytest.approx(
            rmse(ratings, model.predict(users, items)), abs=1e-6
        )
        assert len(history.steps) == len(history.train_rmse) == len(history.validation_rmse)

    def test_no_rating_at_all_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no rating"):
            self.fitted(sparse.csr_array((3, 3), dtype=np.float32))
