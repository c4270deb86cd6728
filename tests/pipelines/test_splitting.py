"""Parts are disjoint, cover everything, and become matrices on one vocabulary."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.model_selection import train_test_split

from fivestar.errors import InputError
from fivestar.pipelines.ingestion.nodes import clean_test_pairs
from fivestar.pipelines.ingestion.settings import TestColumns as PairColumns
from fivestar.pipelines.splitting import create_pipeline
from fivestar.pipelines.splitting.nodes import (
    SplittingSettings,
    build_matrices,
    hold_out,
    split,
    stratified_by_item,
)
from fivestar.ratings import Scale, Vocabulary

METHODS = ["stratified", "random", "time", "per_user"]
NO_PAIRS = clean_test_pairs(None, PairColumns(user="user", item="item"), Scale(1, 5))
COLUMNS = ["user", "item", "rating"]


def some_ratings(n_users: int = 60, n_items: int = 40, share: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((n_users, n_items)) < share)
    order = rng.permutation(len(users))
    return pd.DataFrame(
        {
            "user": np.char.add("u", users[order].astype(str)),
            "item": items[order].astype(str),
            "rating": rng.integers(1, 6, len(users)).astype(float),
            "timestamp": rng.integers(0, 10**9, len(users)),
        }
    ).astype({"user": "str", "item": "str"})


def pairs(part: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(part["user"], part["item"], strict=True))


def settings(**changes: Any) -> SplittingSettings:
    return SplittingSettings.model_validate(changes)


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_stratified_is_scikit_learn_s_split_row_for_row(share: float) -> None:
    ratings = some_ratings()
    expected = train_test_split(ratings, test_size=share, random_state=42, stratify=ratings["item"])
    for part, wanted in zip(hold_out(ratings, share, settings()), expected, strict=True):
        pd.testing.assert_frame_equal(part, wanted)


def test_course_split_with_a_shipped_test_part() -> None:
    ratings = some_ratings()
    test = pd.DataFrame({"id": [9, 4], "user": ["u1", "new"], "item": ["1", "2"], "rating": np.nan})
    train, validation, kept = split(ratings, test, settings())
    wanted = train_test_split(ratings, test_size=0.25, random_state=42, stratify=ratings["item"])
    pd.testing.assert_frame_equal(train, wanted[0][COLUMNS])
    pd.testing.assert_frame_equal(validation, wanted[1][COLUMNS])
    pd.testing.assert_frame_equal(kept, test)


@pytest.mark.parametrize("method", METHODS)
def test_parts_are_disjoint_and_cover_everything(method: str) -> None:
    ratings = some_ratings()
    train, validation, test = split(ratings, NO_PAIRS, settings(method=method))
    everything = pairs(train) + pairs(validation) + pairs(test)
    assert len(everything) == len(set(everything))
    assert sorted(everything) == sorted(pairs(ratings))
    assert test["id"].tolist() == list(range(len(test)))
    assert test.columns.tolist() == ["id", *COLUMNS]
    assert len(test) == pytest.approx(0.1 * len(ratings), rel=0.15)
    assert len(validation) == pytest.approx(0.25 * 0.9 * len(ratings), rel=0.15)
    known = ratings.set_index(["user", "item"])["rating"]
    for part in (train, validation, test):
        assert (known.loc[pairs(part)].to_numpy() == part["rating"]).all()


@pytest.mark.parametrize("method", METHODS)
def test_parts_are_the_same_by_seed(method: str) -> None:
    ratings = some_ratings()
    first, again = (hold_out(ratings, 0.2, settings(method=method)) for _ in range(2))
    pd.testing.assert_frame_equal(first[1], again[1])
    other = hold_out(ratings, 0.2, settings(method=method, seed=1))
    assert (pairs(other[1]) == pairs(first[1])) == (method == "time")


@pytest.mark.parametrize("method", METHODS)
def test_ratings_are_not_changed(method: str) -> None:
    ratings = some_ratings()
    before = ratings.copy()
    split(ratings, NO_PAIRS, settings(method=method))
    pd.testing.assert_frame_equal(ratings, before)


def test_items_with_one_rating_stay_in_train_and_are_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("fivestar"), "propagate", True)
    common = some_ratings()
    rare = pd.DataFrame(
        {"user": ["u1"] * 3, "item": ["x", "y", "z"], "rating": 4.0, "timestamp": 0}
    )
    ratings = pd.concat([rare, common], ignore_index=True)
    with caplog.at_level(logging.INFO):
        kept, held_out = hold_out(ratings, 0.25, settings())
    assert {"x", "y", "z"} <= set(kept["item"])
    assert not {"x", "y", "z"} & set(held_out["item"])
    wanted = train_test_split(common, test_size=0.25, random_state=42, stratify=common["item"])
    assert pairs(held_out) == pairs(wanted[1])
    assert "3 items with fewer than 2 ratings stay in train (3 ratings)" in caplog.text


def test_rarest_items_stay_in_train_where_fewer_rows_than_items_are_held_out() -> None:
    # 30 items with 2 ratings and 5 with 20: a tenth is 16 rows, too few for one of each item.
    rows = [(f"u{n}", f"rare{item}") for item in range(30) for n in range(2)]
    rows += [(f"u{n}", f"common{item}") for item in range(5) for n in range(20)]
    ratings = pd.DataFrame(rows, columns=["user", "item"], dtype="str").assign(rating=3.0)
    kept, held_out = hold_out(ratings, 0.1, settings())
    assert sorted(pairs(kept) + pairs(held_out)) == sorted(rows)
    assert held_out["item"].value_counts().to_dict() == {f"common{n}": 2 for n in range(5)}


def test_time_holds_out_the_latest_ratings_of_each_user() -> None:
    ratings = some_ratings()
    kept, held_out = hold_out(ratings, 0.2, settings(method="time"))
    latest_kept = kept.groupby("user")["timestamp"].max()
    earliest_held_out = held_out.groupby("user")["timestamp"].min()
    assert (earliest_held_out >= latest_kept[earliest_held_out.index]).all()
    shares = held_out["user"].value_counts() / ratings["user"].value_counts()
    assert shares.between(0.15, 0.25).all()


def test_time_without_timestamps_says_what_to_set() -> None:
    ratings = some_ratings().drop(columns="timestamp")
    with pytest.raises(InputError, match=r"ingestion\.columns\.timestamp.*splitting\.method"):
        split(ratings, NO_PAIRS, settings(method="time"))


def test_per_user_holds_out_the_same_share_of_every_user_s_ratings() -> None:
    ratings = some_ratings()
    _, held_out = hold_out(ratings, 0.2, settings(method="per_user"))
    wanted = (0.2 * ratings["user"].value_counts()).round()
    assert held_out["user"].value_counts().to_dict() == wanted.to_dict()


@pytest.mark.parametrize("method", ["time", "per_user"])
def test_every_user_keeps_a_rating(method: str) -> None:
    ratings = some_ratings(share=0.1)
    kept, _ = hold_out(ratings, 0.9, settings(method=method))
    assert set(kept["user"]) == set(ratings["user"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2])
def test_part_without_ratings_is_refused(method: str, n: int) -> None:
    ratings = pd.DataFrame({"user": ["a"] * n, "item": [str(i) for i in range(n)], "rating": 3.0})
    ratings["timestamp"] = 0
    with pytest.raises(InputError, match=r"the \w+ part of . ratings would be empty.*shares"):
        split(ratings, NO_PAIRS, settings(method=method))


@pytest.mark.parametrize(
    "wrong", [{"test_share": 0}, {"validation_share": 1}, {"method": "magic"}, {"tset_share": 0.1}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_matrices_hold_the_ratings_at_their_positions() -> None:
    train, validation, test = split(some_ratings(), NO_PAIRS, settings())
    ids, *matrices = build_matrices(train, validation, test)
    vocabulary = Vocabulary.from_dict(ids)
    assert list(vocabulary.users) == sorted(some_ratings()["user"].unique())
    for part, matrix in zip((train, validation), matrices, strict=True):
        assert matrix.shape == vocabulary.shape
        assert matrix.dtype == np.float32
        assert matrix.nnz == len(part)
        users, items = vocabulary.positions(part)
        np.testing.assert_array_equal(matrix.toarray()[users, items], part["rating"])


def test_ratings_of_zero_are_stored() -> None:
    part = pd.DataFrame({"user": ["a", "b"], "item": ["1", "1"], "rating": [0.0, 2.0]})
    other = pd.DataFrame({"user": ["a"], "item": ["2"], "rating": [0.0]})
    _, train, validation = build_matrices(part, other, other)
    assert train.nnz == 2
    assert validation.nnz == 1


def test_ids_of_validation_and_test_alone_have_empty_rows() -> None:
    train, validation, test = (
        pd.DataFrame({"user": [user], "item": [item], "rating": [3.0]})
        for user, item in (("b", "2"), ("a", "1"), ("c", "3"))
    )
    ids, train_matrix, validation_matrix = build_matrices(train, validation, test)
    assert ids == {"users": ["a", "b", "c"], "items": ["1", "2", "3"]}
    assert np.diff(train_matrix.indptr).tolist() == [0, 1, 0]
    assert np.diff(validation_matrix.indptr).tolist() == [1, 0, 0]


def test_pipeline_takes_clean_tables_and_gives_parts_and_matrices() -> None:
    pipeline = create_pipeline()
    assert pipeline.inputs() == {
        *("ratings", "test_pairs", "users", "items"),
        *("params:splitting", "params:ingestion"),
    }
    assert pipeline.all_outputs() == {
        *("train", "validation", "test", "vocabulary", "train_matrix", "validation_matrix"),
        *("user_features", "item_features"),
    }


def test_where_no_item_has_enough_ratings_the_split_is_random() -> None:
    ratings = pd.DataFrame(
        {
            "user": [str(n) for n in range(120)],
            "item": [str(n % 40) for n in range(120)],
            "rating": np.tile([1.0, 3.0, 5.0], 40),
        }
    )
    train, held_out = stratified_by_item(ratings, 0.1, seed=42)
    assert len(held_out) == 12
    assert sorted([*train.index, *held_out.index]) == list(range(120))
