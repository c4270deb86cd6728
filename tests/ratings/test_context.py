"""Times and weights stay with the ratings that they are of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from fivestar.ratings import Context, Features, Scale, TrainingData, Vocabulary, times_of

TRAIN = pd.DataFrame(
    {
        "user": [*"bab"],
        "item": [*"112"],
        "rating": [1.0, 2.0, 3.0],
        "timestamp": [1_000_000_001, 1_000_000_002, 1_000_000_003],
        "weight": [0.5, 1.0, 1.5],
    }
)
VALIDATION = TRAIN.iloc[:1].assign(user="a", item="2", timestamp=1_000_000_004)


def data_of(train: pd.DataFrame, validation: pd.DataFrame = VALIDATION) -> TrainingData:
    ids = Vocabulary.of([TRAIN, VALIDATION])
    return TrainingData(
        ids.matrix(train),
        ids.matrix(validation),
        ids,
        Features(sparse.csr_array((2, 0)), sparse.csr_array((2, 0))),
        Scale(1, 5),
        "demo",
        Context.of(train, ids),
        Context.of(validation, ids),
    )


@pytest.fixture
def data() -> TrainingData:
    return data_of(TRAIN)


def test_each_rating_keeps_its_time_to_the_second_and_its_weight(data: TrainingData) -> None:
    times = data.context.matrices["times"]
    assert times.dtype == np.float64
    assert (times.toarray() - 1e9).tolist() == [[2, 4], [1, 3]]
    assert data.context.matrices["weights"].toarray().tolist() == [[1, 0.5], [0.5, 1.5]]
    for context, ratings in ((data.train_context, data.train), (data.context, data.ratings)):
        for matrix in context.matrices.values():
            np.testing.assert_array_equal(matrix.indices, ratings.indices)
            np.testing.assert_array_equal(matrix.indptr, ratings.indptr)


def test_times_and_weights_follow_users_and_leave_with_items(data: TrainingData) -> None:
    alone = data.of_users(np.array([1]))
    assert alone.train_context.matrices["times"].data.tolist() == [1e9 + 1, 1e9 + 3]
    assert alone.validation_context.matrices["times"].nnz == 0
    without = data.without_items(np.array([0]))
    assert without.context.matrices["weights"].data.tolist() == [0.5, 1.5]


def test_saved_times_and_weights_come_back_the_same(data: TrainingData, tmp_path: Path) -> None:
    data.save(tmp_path)
    again = TrainingData.load(tmp_path)
    for name, matrix in data.context.matrices.items():
        np.testing.assert_array_equal(again.context.matrices[name].toarray(), matrix.toarray())
    assert again.is_of(data.identity_for(uses_times=True))


def test_data_without_times_and_weights_has_none(tmp_path: Path) -> None:
    bare = data_of(*(table[["user", "item", "rating"]] for table in (TRAIN, VALIDATION)))
    bare.save(tmp_path)
    assert TrainingData.load(tmp_path).context == Context()
    assert times_of(TRAIN[["user", "item"]]) is None


def test_times_of_a_table_are_seconds() -> None:
    times = times_of(TRAIN)
    assert times is not None
    assert times.dtype == np.float64
    assert times.tolist() == TRAIN["timestamp"].tolist()


def test_weights_are_part_of_the_fingerprint_times_have_their_own(data: TrainingData) -> None:
    later = data_of(TRAIN.assign(timestamp=TRAIN["timestamp"] + 1))
    heavier = data_of(TRAIN.assign(weight=[1.0, 1.0, 1.0]))
    unweighted = data_of(TRAIN.drop(columns="weight"), VALIDATION.drop(columns="weight"))
    assert len({each.fingerprint for each in (data, heavier, unweighted)}) == 3
    assert later.fingerprint == data.fingerprint
    assert later.is_of(data.identity_for(uses_times=False))
    assert not later.is_of(data.identity_for(uses_times=True))


def test_a_part_without_times_leaves_the_whole_without(data: TrainingData) -> None:
    half = replace(data, validation_context=Context())
    assert half.context == Context()
