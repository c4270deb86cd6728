"""A wrong name is answered with the known ones that are most like it."""

from __future__ import annotations

import pytest

from fivestar.errors import did_you_mean

KNOWN = ["als", "bias", "bayesian_mf", "item_knn", "user_knn"]


@pytest.mark.parametrize(
    ("name", "n", "expected"),
    [
        ("alz", 1, "Did you mean 'als'?"),
        ("Bayesian-MF", 1, "Did you mean 'bayesian_mf'?"),
        ("_knn", 2, "Did you mean one of 'item_knn', 'user_knn'?"),
        ("alz", 3, "Did you mean 'als'?"),
        ("xyz", 3, ""),
        ("", 3, ""),
    ],
)
def test_names_most_like_a_wrong_one_are_offered(name: str, n: int, expected: str) -> None:
    assert did_you_mean(name, KNOWN, n) == expected


def test_nothing_is_offered_where_nothing_is_known() -> None:
    assert did_you_mean("als", {}) == ""
