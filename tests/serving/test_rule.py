"""Who gets the alias: only figures of the same ratings are compared."""

from __future__ import annotations

import pytest

from fivestar.serving.rule import Measured, alias_of, decide

PRESENT = Measured("als", "test_rmse", 0.9, "a")


def test_the_first_version_gets_the_alias() -> None:
    assert decide(PRESENT, None)[0]


@pytest.mark.parametrize(
    ("new", "taken_over", "why"),
    [
        (Measured("bpmf", "test_rmse", 0.85, "a"), True, "0.8500, better than that of version 3"),
        (Measured("bias", "test_rmse", 0.95, "a"), False, "0.9500, no better than"),
        (Measured("als", "test_rmse", 0.9, "a"), False, "no better than"),
        (Measured("bpmf", "test_rmse", 0.5, "b"), False, "measured on other ratings"),
        (Measured("bpmf", "validation_rmse", 0.5, "a"), False, "measured on other ratings"),
    ],
)
def test_a_version_takes_over_only_if_it_is_better_on_the_same_ratings(
    new: Measured, taken_over: bool, why: str
) -> None:
    decided, reason = decide(new, PRESENT, "3")
    assert decided == taken_over
    assert why in reason


def test_a_version_without_figures_keeps_the_alias_that_somebody_gave_it() -> None:
    assert not decide(PRESENT, Measured.of({}), "1")[0]


def test_what_mlflow_keeps_is_what_is_compared() -> None:
    assert Measured.of(PRESENT.tags) == PRESENT


def test_each_place_has_its_alias_and_the_default_one_the_plain_one() -> None:
    assert alias_of("demo", "demo") == "champion"
    assert alias_of("ml-100k/fold-1", "demo") == "champion-ml-100k-fold-1"
