"""The model to look at is the one asked for, or the champion; a mistake is told."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from scipy import sparse

from fivestar.errors import InputError
from fivestar.models import Model, build
from fivestar.pipelines.choice import choose, same_data
from fivestar.ratings import Features, TrainingData, Vocabulary

from ..models.behaviour import SCALE, planted


@pytest.fixture(scope="module")
def data() -> TrainingData:
    train, validation = planted()
    ids = Vocabulary(*(pd.Index([f"{n:03}" for n in range(size)]) for size in train.shape))
    features = Features(*(sparse.csr_array((size, 0)) for size in train.shape))
    return TrainingData(train, validation, ids, features, SCALE, "planted")


@pytest.fixture(scope="module")
def trained(data: TrainingData) -> dict[str, Model]:
    models = {name: build({"family": name}) for name in ("bias", "item_mean")}
    for model in models.values():
        model.trained_on = data.identity
        model.fit(data.train, scale=SCALE)
    return models


LEADERBOARD = pd.DataFrame({"model": ["item_mean", "bias"]})


def test_the_champion_is_the_default(trained: dict[str, Model], data: TrainingData) -> None:
    name, model = choose(trained, LEADERBOARD, data, None)
    assert (name, model.family) == ("item_mean", "item_mean")
    assert choose(trained, LEADERBOARD, data, "bias")[0] == "bias"


def test_an_unknown_model_is_told_with_those_there_are(
    trained: dict[str, Model], data: TrainingData
) -> None:
    with pytest.raises(InputError, match=r"'biass' is not trained.* Did you mean 'bias'\?"):
        choose(trained, LEADERBOARD, data, "biass")


def test_a_model_of_another_split_is_refused(trained: dict[str, Model], data: TrainingData) -> None:
    """Also where the numbers of users and items are the same, as in the published folds."""
    other = replace(data, train=data.validation, validation=data.train)
    with pytest.raises(
        InputError, match=r"bias: trained on planted, split \w{8}.*--namespaces bias"
    ):
        choose(trained, LEADERBOARD, other, "bias")
    assert same_data(trained, data) == trained
    assert same_data(trained, other) == {}
