"""Stacking: a model like any other, better than its members where they know different things."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from fivestar.errors import InputError
from fivestar.metrics import rmse
from fivestar.models import Model, build, load
from fivestar.models.stacking import Trees, combine, non_negative_weights, ridge_weights
from fivestar.ratings import merge, observed

from .behaviour import SCALE, ModelBehaviour, known, planted

MEMBERS: dict[str, Any] = {
    "bias": {"family": "bias"},
    "svd": {"family": "svd", "n_factors": 2},
    "item_knn": {"family": "item_knn"},
}


class TestBlend(ModelBehaviour):
    settings: ClassVar = {"family": "blend", "members": MEMBERS, "n_folds": 3}
    planted_rmse: ClassVar = 0.45
    fold_in_tolerance: ClassVar = 0.15


class TestBlendWithTrees(ModelBehaviour):
    settings: ClassVar = {
        **{"family": "blend", "n_folds": 2, "method": "trees"},
        "members": {"bias": {"family": "bias"}, "item_mean": {"family": "item_mean"}},
    }
    planted_rmse: ClassVar = 0.75
    fold_in_tolerance: ClassVar = 0.15


@pytest.fixture(scope="module")
def parts() -> tuple:
    return planted()


@pytest.fixture(scope="module")
def blend(parts: tuple) -> Model:
    model = build(TestBlend.settings)
    model.fit(*parts, scale=SCALE)
    return model


@pytest.fixture(scope="module")
def errors(parts: tuple) -> dict[str, float]:
    """Of the members alone."""
    users, items, ratings = known(parts[1])
    found = {}
    for name, block in MEMBERS.items():
        member = build(block)
        member.fit(parts[0], scale=SCALE)
        found[name] = rmse(ratings, member.predict(users, items))
    return found


def test_blend_is_better_than_every_member(blend: Any, parts: tuple, errors: dict) -> None:
    users, items, ratings = known(parts[1])
    assert rmse(ratings, blend.predict(users, items)) < min(errors.values())


def test_weights_say_which_member_is_trusted(blend: Any, errors: dict) -> None:
    weights = blend.member_weights
    assert list(weights) == list(MEMBERS)
    assert max(weights, key=weights.get) == min(errors, key=errors.get)


def test_non_negative_weights_are_constant_and_not_negative(parts: tuple) -> None:
    model: Any = build({**TestBlend.settings, "method": "non_negative"})
    model.fit(*parts, scale=SCALE)
    assert (model.weights >= 0).all()
    assert (model.weights[:, 1:] == 0).all()


def test_refit_keeps_the_weights_and_the_members_steps(parts: tuple, tmp_path: Path) -> None:
    members = {"als": {"family": "als", "n_factors": 2, "n_steps": 12}, "bias": {"family": "bias"}}
    model: Any = build({"family": "blend", "members": members, "n_folds": 2})
    history = model.fit(*parts, scale=SCALE)
    model.save(tmp_path / "model")  # a refit starts from what was saved
    again: Any = load(tmp_path / "model").for_refit(history)
    again.fit(merge(*parts), scale=SCALE)
    np.testing.assert_array_equal(again.weights, model.weights)
    assert again.models["als"].n_steps == model.histories["als"].best_step
    assert again.models["als"].stopping is None
    assert again.settings == model.settings


def test_out_of_fold_weights_do_not_trust_a_member_that_only_remembers(parts: tuple) -> None:
    """In-sample a nearest neighbour with tiny penalties fits train best, and would win."""
    members = {
        "overfitted": {"family": "als", "n_factors": 30, "regularization": 1e-4, "stopping": None},
        "bias": {"family": "bias"},
    }
    model: Any = build({"family": "blend", "members": members, "bias_fallback": False})
    model.fit(parts[0], scale=SCALE)
    assert model.member_weights["overfitted"] < 0.5


def test_unknown_setting_of_a_member_is_refused_by_its_name() -> None:
    with pytest.raises(InputError, match=r"members\.als: unknown setting 'n_factor'"):
        build({"family": "blend", "members": {"als": {"family": "als", "n_factor": 2}}})


def test_weights_that_depend_on_activity_are_found() -> None:
    rng = np.random.default_rng(0)
    good, bad, activity = (rng.normal(size=shape) for shape in ((4000, 1), (4000, 1), (4000, 2)))
    targets = (0.5 + 0.3 * activity[:, 0]) * good[:, 0] + 1
    predictions = np.concatenate([good, bad], axis=1)
    weights = ridge_weights(predictions, activity, targets, mean=0.0)
    np.testing.assert_allclose(weights[1], [0.5, 0.3, 0.0], atol=0.01)
    np.testing.assert_allclose(weights[2], 0, atol=0.01)
    np.testing.assert_allclose(combine(predictions, activity, weights, 0.0), targets, atol=0.02)


def test_non_negative_least_squares_solves_the_plain_problem() -> None:
    rng = np.random.default_rng(1)
    predictions = rng.normal(size=(3000, 3))
    targets = predictions @ [0.7, 0.0, 0.2] - 0.1 * predictions[:, 1] + rng.normal(size=3000) / 10
    weights = non_negative_weights(predictions, targets, mean=0.0)
    np.testing.assert_allclose(weights[1:, 0], [0.7, 0, 0.2], atol=0.02)


def test_trees_as_arrays_predict_what_scikit_learn_predicts() -> None:
    from sklearn.ensemble import GradientBoostingRegressor

    from fivestar.models.stacking import TREES

    rng = np.random.default_rng(2)
    columns = rng.normal(size=(3000, 4))
    targets = np.sin(columns[:, 0]) + (columns[:, 1] > 0)
    boosted = GradientBoostingRegressor(**TREES, init="zero", random_state=3)
    boosted.fit(columns.astype(np.float32), targets)
    trees = Trees.fit(columns, targets, seed=3)
    np.testing.assert_allclose(trees.predict(columns), boosted.predict(columns), atol=1e-5)


def test_trees_of_a_blend_change_what_the_ridge_says(parts: tuple) -> None:
    ridge, trees = (
        build({**TestBlend.settings, "method": method}) for method in ("ridge", "trees")
    )
    for model in (ridge, trees):
        model.fit(*parts, scale=SCALE)
    users, items, _ = observed(parts[1])
    assert np.abs(ridge.predict(users, items) - trees.predict(users, items)).max() > 0.01
