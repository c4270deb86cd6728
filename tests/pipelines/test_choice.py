"""The model to look at is the one asked for, or the champion; a mistake is told."""

from __future__ import annotations

import pandas as pd
import pytest

from fivestar.errors import InputError
from fivestar.models import Model, build
from fivestar.pipelines.choice import choose

from ..models.behaviour import SCALE, planted


@pytest.fixture(scope="module")
def trained() -> dict[str, Model]:
    train, _ = planted()
    models = {name: build({"family": name}) for name in ("bias", "item_mean")}
    for model in models.values():
        model.fit(train, scale=SCALE)
    return models


@pytest.fixture(scope="module")
def vocabulary() -> dict[str, list[str]]:
    n_users, n_items = planted()[0].shape
    return {"users": [str(n) for n in range(n_users)], "items": [str(n) for n in range(n_items)]}


LEADERBOARD = pd.DataFrame({"model": ["item_mean", "bias"]})


def test_the_champion_is_the_default(
    trained: dict[str, Model], vocabulary: dict[str, list[str]]
) -> None:
    name, model = choose(trained, LEADERBOARD, vocabulary, None)
    assert (name, model.family) == ("item_mean", "item_mean")
    assert choose(trained, LEADERBOARD, vocabulary, "bias")[0] == "bias"


def test_an_unknown_model_is_told_with_those_there_are(
    trained: dict[str, Model], vocabulary: dict[str, list[str]]
) -> None:
    with pytest.raises(InputError, match=r"'biass' is not trained.* Did you mean 'bias'\?"):
        choose(trained, LEADERBOARD, vocabulary, "biass")


def test_a_model_of_another_data_set_is_refused(
    trained: dict[str, Model], vocabulary: dict[str, list[str]]
) -> None:
    other = {**vocabulary, "users": vocabulary["users"][1:]}
    with pytest.raises(InputError, match="data/06_models/bias: trained on"):
        choose(trained, LEADERBOARD, other, "bias")
