"""Parameters that nobody reads, or that no run can use, are refused before the first node."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from fivestar.config import ConfigLoader
from fivestar.errors import InputError
from fivestar.hooks.parameters import check_parameters
from fivestar.settings import CONFIG_LOADER_ARGS

from ..project import ROOT

BASE = ROOT / "conf/base"


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    loader = ConfigLoader(str(ROOT / "conf"), env="demo", **CONFIG_LOADER_ARGS)  # type: ignore[arg-type]
    parameters: dict[str, Any] = loader["parameters"]
    return parameters


def changed(usual: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    parameters = inside = copy.deepcopy(dict(usual))
    *above, name = path.split(".")
    for each in above:
        inside = inside[each]
    inside[name] = value
    return parameters


def test_the_usual_parameters_are_fine(usual: dict[str, Any]) -> None:
    check_parameters(usual, BASE)


@pytest.mark.parametrize("name", ["fold", "new_ratings_file", "new_users_file", "pairs_file"])
def test_parameters_that_only_a_command_gives_are_known(usual: dict[str, Any], name: str) -> None:
    check_parameters({**usual, name: "x"}, BASE)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("splittin", {}, r"unknown parameter 'splittin'. Did you mean 'splitting'"),
        ("refit", "perhaps", "refit is 'perhaps'"),
        ("line_up", [], "line_up is"),
        ("models.alz", {"n_factors": 3}, r"models.alz has no family. Did you mean 'als'"),
        ("models.als", 8, "models.als is 8"),
        ("inspection.reference", "biass", "reference is 'biass'.*'bias'"),
        ("recommendation.ranking.beside", ["bias", "item_maen"], "beside is 'item_maen'"),
    ],
)
def test_what_no_run_can_use_is_refused(
    usual: dict[str, Any], path: str, value: Any, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        check_parameters(changed(usual, path, value), BASE)


def test_a_split_by_time_needs_a_column_of_times(usual: dict[str, Any]) -> None:
    by_time = changed(usual, "splitting.method", "time")
    check_parameters(by_time, BASE)
    with pytest.raises(InputError, match="method is 'time', which needs timestamps"):
        check_parameters(changed(by_time, "ingestion.columns.timestamp", None), BASE)


@pytest.mark.parametrize("names", [None, "item_mean", ["item_mean"], "all"])
def test_models_to_compare_with_may_have_lost_their_blocks(
    usual: dict[str, Any], names: list[str] | str | None
) -> None:
    without = changed(usual, "models", {"als": {"family": "als"}})
    check_parameters(changed(without, "recommendation.ranking.beside", names), BASE)
