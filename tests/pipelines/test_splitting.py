"""Splits are disjoint, cover everything, and become matrices on one vocabulary."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from fivestar.errors import InputError
from fivestar.pipelines.ingestion.nodes import clean_test_pairs
from fivestar.pipelines.splitting import create_pipeline, methods
from fivestar.pipelines.splitting.encoding import encode_features
from fivestar.pipelines.splitting.nodes import assemble, collect_ids, split
from fivestar.pipelines.splitting.settings import SplittingSettings
from fivestar.ratings import Scale, TrainingData

from .test_ingestion import STARS, ingest_tables, ratings_of, settings_of, table

METHODS = ["stratified", "random", "time", "per_user"]
NO_PAIRS = clean_test_pairs(None, pd.DataFrame(), settings_of(), STARS)
COLUMNS = ["user", "item", "rating", "timestamp"]


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


def pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["user"], table["item"], strict=True))


def hold_out(
    ratings: pd.DataFrame, share: float, settings: SplittingSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    kept, held_out = methods.hold_out(ratings, np.arange(len(ratings)), share, settings)
    return ratings.iloc[kept], ratings.iloc[held_out]


def settings(**changes: Any) -> SplittingSettings:
    defaults = {"method": "stratified", "test_share": 0.1, "validation_share": 0.25, "seed": 42}
    return SplittingSettings.model_validate({**defaults, **changes})


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_stratified_is_scikit_learn_s_split_row_for_row(share: float) -> None:
    ratings = some_ratings()
    expected = train_test_split(ratings, test_size=share, random_state=42, stratify=ratings["item"])
    for found, wanted in zip(hold_out(ratings, share, settings()), expected, strict=True):
        pd.testing.assert_frame_equal(found, wanted)


@pytest.mark.parametrize("method", METHODS)
def test_ids_as_codes_are_split_like_their_text(method: str) -> None:
    ratings = some_ratings()
    codes = ratings.astype({"user": "category", "item": "category"})
    codes["item"] = codes["item"].cat.add_categories(["rated by nobody"])
    for found, wanted in zip(
        hold_out(codes, 0.2, settings(method=method)),
        hold_out(ratings, 0.2, settings(method=method)),
        strict=True,
    ):
        pd.testing.assert_frame_equal(found.astype({"user": "str", "item": "str"}), wanted)


def test_of_ratings_at_the_same_time_the_first_is_held_out() -> None:
    ratings = pd.DataFrame({"user": [*"abaab"], "item": [*"12345"], "timestamp": [1, 5, 2, 2, 5]})
    kept, held_out = hold_out(ratings, 0.4, settings(method="time"))
    assert held_out.index.tolist() == [1, 2]
    assert kept.index.tolist() == [0, 3, 4]


def test_course_split_with_a_shipped_test_split() -> None:
    ratings = some_ratings()
    test = pd.DataFrame({"id": [9, 4], "user": ["u1", "new"], "item": ["1", "2"], "rating": np.nan})
    train, validation, kept = split(ratings, test, settings())
    wanted = train_test_split(ratings, test_size=0.25, random_state=42, stratify=ratings["item"])
    pd.testing.assert_frame_equal(train, wanted[0][COLUMNS])
    pd.testing.assert_frame_equal(validation, wanted[1][COLUMNS])
    pd.testing.assert_frame_equal(kept, test)


@pytest.mark.parametrize("method", METHODS)
def test_splits_are_disjoint_and_cover_everything(method: str) -> None:
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
    for found in (train, validation, test):
        assert (known.loc[pairs(found)].to_numpy() == found["rating"]).all()


@pytest.mark.parametrize("method", METHODS)
def test_splits_are_the_same_by_seed(method: str) -> None:
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


def test_weights_are_the_columns_times_two_to_the_minus_age_and_one_on_average() -> None:
    ratings = some_ratings().assign(weight=2.0)
    ratings["timestamp"] //= 10
    ratings.loc[::3, "weight"] = 6
    train, validation, test = split(ratings, NO_PAIRS, settings(half_life_days=100))
    assert train.columns.tolist() == [*COLUMNS, "weight"]
    assert "weight" not in test
    found = pd.concat([train, validation])
    given = ratings.loc[found.index, "weight"] * 2 ** (found["timestamp"] / 8.64e6)
    assert found["weight"].mean() == pytest.approx(1)
    np.testing.assert_allclose(found["weight"] / found["weight"].iloc[0], given / given.iloc[0])


def test_without_weights_and_half_life_no_part_has_a_weight() -> None:
    parts = split(some_ratings().drop(columns="timestamp"), NO_PAIRS, settings())
    assert [part.columns.tolist()[-1] for part in parts] == ["rating"] * 3


def test_half_life_without_timestamps_says_what_to_set() -> None:
    with pytest.raises(InputError, match=r"half_life_days.*ingestion\.columns\.timestamp"):
        split(some_ratings().drop(columns="timestamp"), NO_PAIRS, settings(half_life_days=7))


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
def test_split_without_ratings_is_refused(method: str, n: int) -> None:
    ratings = pd.DataFrame({"user": ["a"] * n, "item": [str(i) for i in range(n)], "rating": 3.0})
    ratings["timestamp"] = 0
    with pytest.raises(InputError, match=r"the \w+ split of . ratings would be empty.*shares"):
        split(ratings, NO_PAIRS, settings(method=method))


@pytest.mark.parametrize(
    "wrong",
    [
        {"test_share": 0},
        {"validation_share": 1},
        {"seed": -1},
        {"method": "magic"},
        {"tset_share": 0.1},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        settings(**wrong)


NO_SIDES = {"users": None, "items": None}


def prepared(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    users: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    sides: dict[str, Any] = NO_SIDES,
) -> TrainingData:
    """What the nodes after ``split`` make of its tables and the side tables."""
    users = table("user") if users is None else users
    items = table("item") if items is None else items
    ids = collect_ids(train, validation, users, items)
    features = encode_features(users, items, ids, settings_of(**sides))
    return assemble(train, validation, ids, features, Scale(0, 5))


def test_matrices_hold_the_ratings_at_their_indices() -> None:
    train, validation, _ = split(some_ratings(), NO_PAIRS, settings())
    data = prepared(train, validation)
    assert set(data.vocabulary.users) == {*train["user"], *validation["user"]}
    for part, matrix in ((train, data.train), (validation, data.validation)):
        assert matrix.shape == data.vocabulary.shape
        assert matrix.dtype == np.float32
        assert matrix.nnz == len(part)
        users, items = data.vocabulary.indices(part)
        np.testing.assert_array_equal(matrix.toarray()[users, items], part["rating"])


def test_ratings_of_zero_are_stored() -> None:
    train = pd.DataFrame({"user": ["a", "b"], "item": ["1", "1"], "rating": [0.0, 2.0]})
    validation = pd.DataFrame({"user": ["a"], "item": ["2"], "rating": [0.0]})
    data = prepared(train, validation)
    assert data.train.nnz == 2
    assert data.validation.nnz == 1


def test_vocabulary_is_of_train_validation_and_described_rows_of_side_tables() -> None:
    train, validation = (
        pd.DataFrame({"user": [user], "item": [item], "rating": [3.0]})
        for user, item in (("b", "2"), ("a", "1"))
    )
    users = pd.DataFrame({"user": ["described", "blank"], "age": [30.0, np.nan]})
    items = pd.DataFrame(
        {
            "item": ["by title", "by genre", "blank", "2"],
            "title": pd.Series(["Four", None, None, None], dtype="str"),
            "genres": [[], ["Drama"], [], []],
        }
    )
    data = prepared(train, validation, users, items)
    assert data.vocabulary.to_dict() == {
        "users": ["a", "b", "described"],
        "items": ["1", "2", "by genre", "by title"],
    }
    assert np.diff(data.train.indptr).tolist() == [0, 1, 0]
    assert np.diff(data.validation.indptr).tolist() == [1, 0, 0]


def test_what_is_learned_does_not_depend_on_ids_that_only_the_test_split_has() -> None:
    """From raw tables on: neither ids nor matrices nor features know of them."""
    ratings = ratings_of(*(f"{user} {item} {1 + user % 5}" for user in range(9) for item in "abc"))
    sides = {
        "users": {"id": "id", "features": {"sex": {"kind": "category", "column": "sex"}}},
        "items": None,
    }
    users_raw = table("id sex", *(f"{user} {'FM'[user % 2]}" for user in range(20)))
    fingerprints = set()
    for test in (["1 0 d"], ["1 0 d", "2 new a", "3 0 new", "4 15 other"]):
        tables = ingest_tables(ratings, table("ID User ASIN", *test), users_raw, **sides)
        clean, test_pairs, users, items, _ = tables
        train, validation, kept = split(clean, test_pairs, settings())
        assert len(kept) == len(test)
        data = prepared(train, validation, users, items, sides)
        assert not {"new", "other", "d"} & {*data.vocabulary.users, *data.vocabulary.items}
        fingerprints.add(data.fingerprint)
    assert len(fingerprints) == 1


def test_pipeline_takes_clean_tables_and_gives_splits_and_training_data() -> None:
    pipeline = create_pipeline()
    assert pipeline.inputs() == {
        *("ratings", "test_pairs", "users", "items"),
        *("params:splitting", "params:ingestion", "params:scale"),
    }
    assert {"train", "validation", "test", "training_data", "item_table"} <= pipeline.all_outputs()


def test_where_no_item_has_enough_ratings_the_split_is_random() -> None:
    ratings = pd.DataFrame(
        {
            "user": [str(n) for n in range(120)],
            "item": [str(n % 40) for n in range(120)],
            "rating": np.tile([1.0, 3.0, 5.0], 40),
        }
    )
    train, held_out = hold_out(ratings, 0.1, settings())
    assert len(held_out) == 12
    assert sorted([*train.index, *held_out.index]) == list(range(120))
