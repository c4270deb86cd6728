"""What the base class does for every model: biases, time limits, what is kept, the registry."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy import sparse

from fivestar.metrics import rmse
from fivestar.models import Model, TooSlow, build, find, version_of
from fivestar.models.base import FloatArray, learned
from fivestar.models.registry import families
from fivestar.models.training import ONLY_TIMED, History, Steps, TimeLimit, Training
from fivestar.ratings import Indices, observed

from .behaviour import SCALE, planted


@dataclass(kw_only=True)
class Constant(Steps, Model):
    """Predicts the same for all, a step a quarter star more."""

    family: ClassVar[str] = "constant"

    start: float = 3.0

    value: FloatArray = learned()

    def _fit(self, training: Training) -> History:
        self.value = np.array([self.start])

        def step() -> None:
            self.value += 0.25

        return training.run(step, [self.value], self)

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        return np.full(len(users), self.value[0])


@pytest.fixture(scope="module")
def parts() -> tuple[sparse.csr_array, sparse.csr_array]:
    return planted()


@pytest.fixture(scope="module")
def biases(parts: tuple) -> Model:
    model = build({"family": "bias"})
    model.fit(parts[0], scale=SCALE)
    return model


# -- biases in place of what has learned nothing


def test_a_model_worse_than_its_biases_predicts_by_them(
    parts: tuple, biases: Model, tmp_path: Path
) -> None:
    users, items, ratings = observed(parts[1])
    model = Constant()
    history = model.fit(*parts, scale=SCALE)
    assert model.biases_only
    assert history.ending == "biases"
    expected = biases.predict(users, items)
    assert history.validation_rmse == [pytest.approx(rmse(ratings, expected))]
    model.trained_on = {"fingerprint": "abc"}
    model.save(tmp_path)
    for same in (model, load_constant(tmp_path)):
        np.testing.assert_array_equal(same.predict(users, items), expected)
        assert same.n_parameters == biases.n_parameters
        assert same.factors() is None
        assert same.trained_on == {"fingerprint": "abc"}
        folded, of_biases = same.fold_in(parts[0][:9]), biases.fold_in(parts[0][:9])
        pairs = np.arange(9), np.arange(9)
        np.testing.assert_array_equal(folded.predict(*pairs), of_biases.predict(*pairs))
        items_of, values = parts[0].indices[:4].astype(int), parts[0].data[:4]
        assert same.contributions(items_of, values, 7)[0] == pytest.approx(
            biases.contributions(items_of, values, 7)[0]
        )


def load_constant(folder: Path) -> Model:
    description = json.loads((folder / "model.json").read_text())
    return Constant().restore(load_file(folder / "weights.safetensors"), description, folder)


def test_fallback_to_the_biases_is_carried_through_the_refit(parts: tuple, biases: Model) -> None:
    users, items, _ = observed(parts[1])
    model = Constant()
    again = model.for_refit(model.fit(*parts, scale=SCALE))
    again.fit(parts[0], scale=SCALE)
    np.testing.assert_array_equal(again.predict(users, items), biases.predict(users, items))
    assert not hasattr(again, "value")


@pytest.mark.parametrize("given", [{"bias_fallback": False}, {}], ids=str)
def test_biases_do_not_stand_in_where_not_wanted_or_without_validation(
    parts: tuple, given: dict[str, Any]
) -> None:
    model = Constant(n_steps=1, **given)
    history = model.fit(parts[0], parts[1] if given else None, scale=SCALE)
    assert not model.biases_only
    assert history.ending != "biases"
    assert model.predict(np.array([0]), np.array([0])) == model.value


def test_baselines_stay_what_they_are(parts: tuple) -> None:
    model = build({"family": "item_mean"})
    model.fit(*parts, scale=SCALE)
    assert not model.biases_only


# -- weights that are not finite, time


def test_learned_weights_that_are_not_finite_fail(parts: tuple) -> None:
    with pytest.raises(FloatingPointError, match="mine: value is not finite"):
        Constant(start=np.nan).fit(parts[0], scale=SCALE, label="mine")


def test_predictions_that_are_not_finite_are_divergence(parts: tuple) -> None:
    class Overflowing(Constant):
        def _score(self, users: Indices, items: Indices) -> FloatArray:
            return np.full(len(users), 3.0 if self.value[0] < 3.4 else np.inf)

    model = Overflowing(bias_fallback=False)
    history = model.fit(*parts, scale=SCALE)
    assert history.ending == "diverged"
    assert history.steps == [0, 1]
    assert model.value == 3.0


def test_too_slow_says_how_long_it_would_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first step of 50 seconds, which may compile, and 99 of 7 seconds."""

    def go_on(max_seconds: float | None) -> None:
        limit = TimeLimit(max_seconds, 100, "als", started=0)
        for number, now in enumerate((50, 57, 64, 1000), start=1):
            monkeypatch.setattr("fivestar.models.training.perf_counter", lambda now=now: now)
            limit.check(number)

    go_on(744)
    go_on(None)
    with pytest.raises(TooSlow, match=r"als would take about 12\.4 minutes.* 12\.3 allowed"):
        go_on(740)
    with pytest.raises(TooSlow):
        go_on(49)
    with pytest.raises(TooSlow) as timed:
        go_on(ONLY_TIMED)
    assert timed.value.seconds == 64 + 97 * 7


def test_fit_is_given_up_when_too_slow(parts: tuple) -> None:
    with pytest.raises(TooSlow):
        build({"family": "als"}).fit(parts[0], scale=SCALE, max_seconds=1e-6)


# -- the registry


def test_registry_says_what_the_classes_say() -> None:
    for family, entry in families().items():
        model_class = find(family)
        assert model_class is not None
        assert model_class.family == family
        assert (model_class.__module__, model_class.__name__) == entry[:2]
        assert version_of(family) == model_class.version


def test_version_is_known_without_importing_a_model() -> None:
    code = (
        "import sys; from fivestar import models; models.version_of('bayesian_mf');"
        "print([name for name in ('torch', 'numba') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_unknown_family_is_told_with_those_that_there_are() -> None:
    with pytest.raises(Exception, match=r"unknown family 'alz'; choose one of als, auto"):
        build({"family": "alz"})
