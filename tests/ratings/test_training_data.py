"""What models learn from: one value that knows whether it is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, item_table
from fivestar.ratings.training_data import FILES


@pytest.fixture
def data() -> TrainingData:
    """Users a, b; items 1 to 3, of which 3 has no rating; one rating is a zero."""
    vocabulary = Vocabulary(pd.Index([*"ab"], dtype="str"), pd.Index([*"123"], dtype="str"))
    train, validation = (
        vocabulary.matrix(pd.DataFrame(rows, columns=["user", "item", "rating"]))
        for rows in ([("a", "1", 5.0), ("b", "1", 0.0)], [("a", "2", 3.0)])
    )
    features = Features(sparse.csr_array((2, 0), dtype=np.float32), train.T.tocsr())
    return TrainingData(train, validation, vocabulary, features, Scale(0, 5), "demo/fold-1")


def test_saved_data_comes_back_the_same(data: TrainingData, tmp_path: Path) -> None:
    data.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
    again = TrainingData.load(tmp_path)
    assert again.identity == data.identity
    assert again.scale == data.scale
    assert again.title == f"demo/fold-1, split {data.fingerprint[:8]}"
    assert again.ratings.toarray().tolist() == [[5, 3, 0], [0, 0, 0]]
    assert again.ratings.nnz == 3


def test_any_change_of_the_content_changes_the_fingerprint(data: TrainingData) -> None:
    other_rating = data.train.copy()
    other_rating.data[0] = 4
    ids = data.vocabulary
    changed = [
        replace(data, train=other_rating),
        replace(data, train=data.validation, validation=data.train),
        replace(data, vocabulary=Vocabulary(ids.users[::-1], ids.items)),
        replace(data, features=Features(data.features.users, other_rating.T.tocsr())),
        replace(data, scale=Scale(0, 6)),
    ]
    assert len({each.fingerprint for each in [data, *changed]}) == len(changed) + 1


def test_place_and_types_of_indices_are_no_content(data: TrainingData) -> None:
    wide = data.train.copy()
    wide.indices, wide.indptr = (array.astype(np.int64) for array in (wide.indices, wide.indptr))
    assert replace(data, train=wide, place="elsewhere").fingerprint == data.fingerprint


def test_users_alone_keep_their_ids_ratings_and_features(data: TrainingData) -> None:
    sides = sparse.csr_array(np.array([[1.0], [2.0]], dtype=np.float32))
    data = replace(data, features=replace(data.features, users=sides))
    alone = data.of_users(np.array([1]))
    assert alone.vocabulary.users.tolist() == ["b"]
    assert alone.vocabulary.items.tolist() == data.vocabulary.items.tolist()
    assert alone.train.toarray().tolist() == [[0, 0, 0]]
    assert alone.train.nnz == 1
    assert alone.validation.nnz == 0
    assert alone.features.users.toarray().tolist() == [[2]]
    assert alone.features.items is data.features.items


def test_items_are_one_table_in_the_order_of_their_indices(data: TrainingData) -> None:
    items = pd.DataFrame(
        {
            "item": ["3", "1", "not in the vocabulary"],
            "title": ["Alien", "Solaris (1972)", "None"],
            "year": pd.Series([1979, 1972, None], dtype="Int64"),
            "genres": [["Horror"], [], []],
        }
    )
    table = item_table(items, data)
    assert table["item"].tolist() == [*"123"]
    assert table["shown"].tolist() == ["Solaris (1972)", "2", "Alien (1979)"]
    assert table["n_ratings"].tolist() == [2, 1, 0]
    np.testing.assert_array_equal(table["mean_rating"], [2.5, 3, np.nan])
    assert table["genres"][2] == ["Horror"]


def test_items_without_a_side_table_have_columns_for_title_and_year(data: TrainingData) -> None:
    table = item_table(pd.DataFrame({"item": [*"21"]}), data)
    assert table["title"].isna().all()
    assert table["title"].dtype == "str"
    assert table["year"].isna().all()
    assert table["year"].dtype == "Int64"
    assert table["shown"].tolist() == [*"123"]
