"""Clean tables from good files; from bad ones a single message that says what to fix."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import ThreadRunner
from kedro_datasets.json import JSONDataset

from fivestar.datasets import ParquetTable, TextTable
from fivestar.errors import InputError
from fivestar.pipelines.ingestion import create_pipeline
from fivestar.pipelines.ingestion.nodes import (
    accept,
    clean_ratings,
    clean_test_pairs,
    summarise,
)
from fivestar.pipelines.ingestion.settings import Feature, IngestionSettings
from fivestar.pipelines.ingestion.side_tables import clean_items, clean_users
from fivestar.ratings import Scale

FILES = {
    "ratings": "user,item,rating,when\nann,1,5,10\nann,2,3,20\nbob,1,4,30\nbob,3,1,40\n",
    "test": "ID,User,ASIN,Rating\n7,ann,3,2\n5,bob,2,1\n",
    "users": "id,age,sex\nann,31,F\nbob,,M\n",
    "items": "id,title,tags,new,old\n1,One (1999),a|b,1,0\n2,Two,,1,1\n3,Three 2001,c,0,0\n",
}
STARS = Scale(1, 5)
COLUMNS = {"user": "user", "item": "item", "rating": "rating"}
TEST_COLUMNS = {"id": "ID", "user": "User", "item": "ASIN"}
SETTINGS: dict[str, Any] = {
    "columns": COLUMNS,
    "duplicates": "error",
    "test_duplicates": "error",
    "k_core": 0,
    "test_columns": TEST_COLUMNS,
    "users": {"id": "id", "features": {"age": {"kind": "number", "column": "age"}}},
    "items": {"id": "id", "features": {"title": {"column": "title"}}},
}

Ingested = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]


def settings_of(**changes: Any) -> IngestionSettings:
    return IngestionSettings.model_validate({**SETTINGS, **changes})


def ingest_files(folder: Path, files: dict[str, str], scale: Scale, **changes: Any) -> Ingested:
    """Write the files that differ from FILES beside the others, read all and ingest them."""
    tables = []
    for name, text in {**FILES, **files}.items():
        path = folder / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        tables.append(TextTable(filepath=str(path)).load())
    return ingest_tables(*tables, scale=scale, **changes)


def ingest_tables(
    ratings_raw: pd.DataFrame | None,
    test_raw: pd.DataFrame | None = None,
    users_raw: pd.DataFrame | None = None,
    items_raw: pd.DataFrame | None = None,
    scale: Scale = STARS,
    **changes: Any,
) -> Ingested:
    """What the pipeline hands on."""
    assert ratings_raw is not None
    settings = settings_of(**changes)
    ratings = clean_ratings(ratings_raw, settings, scale)
    test_pairs = clean_test_pairs(test_raw, ratings, settings, scale)
    users = clean_users(users_raw, ratings, settings)
    items = clean_items(items_raw, ratings, settings)
    return ratings, test_pairs, users, items, summarise(ratings, test_pairs, scale)


def table(columns: str, *rows: str) -> pd.DataFrame:
    """A table as a TextTable gives it: ``table("user item", "ann 1", "bob 2")``."""
    return pd.DataFrame([row.split() for row in rows], columns=columns.split(), dtype="str")


def ratings_of(*rows: str) -> pd.DataFrame:
    return table("user item rating", *rows)


@dataclass
class Bad:
    """Text of one file, settings, and what the message has to say."""

    files: dict[str, str]
    says: list[str]
    changes: dict[str, Any] = field(default_factory=dict)


def bad_ratings(*rows: str, says: list[str], **changes: Any) -> Bad:
    text = "\n".join(["user,item,rating,when", "ann,1,5,10", *rows, ""])
    return Bad({"ratings": text}, ["ratings.csv", *says], changes)


BAD = {
    "empty file": Bad({"ratings": ""}, ["ratings.csv", "empty", "Put its rows there"]),
    "header only": Bad({"ratings": "user,item,rating,when\n"}, ["ratings.csv", "no rows"]),
    "missing column": Bad(
        {"ratings": "user,book,rating,when\nann,1,5,10\n"},
        ["ratings.csv", "'item'", "'book'", "Set `ingestion.columns`"],
    ),
    "wrong separator": Bad(
        {"ratings": "user;item;rating\nann;1;5\n"},
        ["ratings.csv", "'user', 'item', 'rating'", "'user;item;rating'", "Set `separator`"],
    ),
    "wrong number of cells": bad_ratings(
        "ann,2,3", says=["row 2 (line 3) has 3 ('ann,2,3')", "Fix"]
    ),
    "no rating": bad_ratings(
        *("ann,2,,10", "bob,1, ,10"),
        says=["'rating'", "no rating", "rows 2 (line 3), 3 (line 4) ('', ' ')", "Fill it in"],
    ),
    "decimal comma": bad_ratings(
        "ann,2,3,1", "bob,1,4,5,1", says=["not 4 cells in every row: row 3 (line 4) has 5"]
    ),
    "unparsable rating": bad_ratings(
        *("ann,2,four,1", "bob,1,4;5,1", "bob,2,3,1", "bob,3,NA,1"),
        says=["'rating'", "not a number", "rows 2 (line 3), 3 (line 4), 5 (line 6)", "'four'"],
    ),
    "rating below the scale": bad_ratings(
        "ann,2,0,1",
        says=["'rating'", "outside the scale 1 to 5", "row 2 (line 3) ('0')", "`scale`"],
    ),
    "rating above the scale": bad_ratings(
        "ann,2,5.5,1", says=["'rating'", "outside the scale 1 to 5", "row 2 (line 3) ('5.5')"]
    ),
    "rating that is NaN": bad_ratings(
        "ann,2,NaN,1", says=["'rating'", "not a finite number", "row 2 (line 3) ('NaN')", "Write"]
    ),
    "infinite rating": bad_ratings(
        *("ann,2,inf,1", "ann,3,-Infinity,1", "bob,1,1e999,1"),
        says=["'rating'", "not a finite number", "rows 2 (line 3), 3 (line 4), 4 (line 5)"],
    ),
    "empty user": bad_ratings(
        ",2,3,1", says=["'user'", "an empty id", "row 2 (line 3)", "Fill in the ids"]
    ),
    "empty item": bad_ratings("ann, ,3,1", says=["'item'", "an empty id", "row 2 (line 3) (' ')"]),
    "repeated pair": bad_ratings(
        *("ann,2,3,1", "ann,1,4,1", "ann,1,5,1"),
        says=[
            *("'user', 'item'", "2 rows repeat", "user 'ann' and item '1'"),
            *("rows 1 (line 2), 3 (line 4), 4 (line 5)", "`ingestion.duplicates`"),
        ],
    ),
    "bad timestamp": bad_ratings(
        *("ann,2,3,yesterday", "ann,3,3,inf", "bob,1,3,"),
        says=["'when'", "neither seconds nor a date", "rows 2 (line 3), 3 (line 4), 4 (line 5)"],
        columns={**COLUMNS, "timestamp": "when"},
    ),
    "time beyond all calendars": bad_ratings(
        "ann,2,3,1e300",
        says=["'when'", "neither seconds nor a date", "row 2 (line 3) ('1e300')", "Write seconds"],
        columns={**COLUMNS, "timestamp": "when"},
    ),
    "bad weight": bad_ratings(
        *("ann,2,3,0", "ann,3,3,-1", "bob,1,3,much"),
        says=["'when'", "not a positive number", "rows 2 (line 3), 3 (line 4), 4 (line 5)"],
        columns={**COLUMNS, "weight": "when"},
    ),
    "core of nothing": bad_ratings("bob,2,3,1", says=["3 ratings each", "k_core"], k_core=3),
    "test pairs: empty file": Bad({"test": "\n"}, ["test.csv", "empty"]),
    "test pairs: no rows": Bad(
        {"test": "ID,User,ASIN\n"}, ["test.csv", "no rows", "pair to predict"]
    ),
    "test pairs: missing column": Bad(
        {"test": "Id,User,ASIN\n1,ann,3\n"}, ["test.csv", "'ID'", "`ingestion.test_columns`"]
    ),
    "test pairs: repeated ID": Bad(
        {"test": "ID,User,ASIN\n7,ann,3\n5,bob,2\n7,bob,1\n"},
        ["test.csv", "'ID'", "ID '7'", "rows 1 (line 2), 3 (line 4)", "an id of its own"],
    ),
    "test pairs: empty ID": Bad(
        {"test": "ID,User,ASIN\n7,ann,3\n,bob,2\n"}, ["test.csv", "'ID'", "row 2 (line 3)"]
    ),
    "test pairs: empty item": Bad(
        {"test": "ID,User,ASIN\n7,ann,\n"}, ["test.csv", "'ASIN'", "row 1 (line 2)"]
    ),
    "test pairs: bad rating": Bad(
        {"test": "ID,User,ASIN,Rating\n7,ann,3,9\n"},
        ["test.csv", "'Rating'", "outside the scale", "row 1 (line 2) ('9')"],
        {"test_columns": {**TEST_COLUMNS, "rating": "Rating"}},
    ),
    "test pairs: bad timestamp": Bad(
        {"test": "ID,User,ASIN,When\n7,ann,3,soon\n"},
        ["test.csv", "'When'", "neither seconds nor a date", "row 1 (line 2)"],
        {"test_columns": {**TEST_COLUMNS, "timestamp": "When"}},
    ),
    "test pairs: among the ratings": Bad(
        {"test": "ID,User,ASIN\n7,ann,3\n5,ann,2\n9,bob,1\n"},
        [
            *("test.csv", "'User', 'ASIN'", "2 of 3 pairs also among the ratings"),
            *("rows 2 (line 3), 3 (line 4)", "'ann' and '2', 'bob' and '1'"),
            *("Delete them from one of the files", "`ingestion.test_duplicates: drop`"),
        ],
    ),
    "test pairs: twice": Bad(
        {"test": "ID,User,ASIN\n7,ann,3\n5,bob,2\n9,ann,3\n"},
        [
            *("test.csv", "'User', 'ASIN'", "1 row repeats", "User 'ann' and ASIN '3'"),
            *("rows 1 (line 2), 3 (line 4)", "`ingestion.test_duplicates: drop`"),
        ],
    ),
    "test pairs: all to be dropped": Bad(
        {"test": "ID,User,ASIN\n7,ann,1\n5,ann,2\n"},
        ["test.csv", "every pair is also among the ratings"],
        {"test_duplicates": "drop"},
    ),
    "side table: repeated id": Bad(
        {"users": "id,age\nann,1\nbob,2\nann,3\n"},
        ["users.csv", "'id'", "id 'ann'", "rows 1 (line 2), 3 (line 4)", "Keep one row"],
    ),
    "side table: missing column": Bad(
        {"items": "id,name\n1,One\n"}, ["items.csv", "'title'", "'name'", "`ingestion.items`"]
    ),
    "side table: empty id": Bad(
        {"items": "id,title\n1,One\n,Two\n"}, ["items.csv", "'id'", "row 2 (line 3)"]
    ),
    "side table: no rows": Bad({"users": "id,age\n"}, ["users.csv", "no rows"]),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_message_with_file_rows_and_fix(tmp_path: Path, bad: Bad) -> None:
    with pytest.raises(InputError) as error:
        ingest_files(tmp_path, bad.files, STARS, **bad.changes)
    message = str(error.value)
    assert "\n" not in message
    for part in bad.says:
        assert part in message


@pytest.mark.parametrize(("n_ratings", "n_pairs", "fewest"), [(2, 0, 3), (1, 1, 2)])
def test_too_few_ratings_to_split_are_refused_before_anything_is_written(
    n_ratings: int, n_pairs: int, fewest: int
) -> None:
    raw = ratings_of("ann 1 5", "ann 2 4").iloc[:n_ratings]
    pairs = table("ID User ASIN", "1 ann 3").iloc[:n_pairs] if n_pairs else None
    tables = ingest_tables(raw, pairs)
    with pytest.raises(InputError, match=f"a split of {n_ratings} .*Bring {fewest} or more"):
        accept(*tables[:4], STARS)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ratings\.csv: no such file.*Fetch it"):
        TextTable(filepath=str(tmp_path / "ratings.csv")).load()


@pytest.mark.parametrize("column", ["rating", "user", "pair"])
def test_of_many_bad_rows_the_first_are_named_and_the_others_counted(column: str) -> None:
    n = 10_000
    raw = pd.DataFrame(
        {
            "user": ["" if column == "user" else "ann"] * n,
            "item": ["1"] * n if column == "pair" else np.arange(n).astype(str),
            "rating": ["x" if column == "rating" else "3"] * n,
        },
        dtype="str",
    )
    with pytest.raises(InputError) as error:
        ingest_tables(raw)
    assert "rows 1, 2, 3, 4, 5 and 9,995 more" in str(error.value)
    assert len(str(error.value)) < 300


def test_good_files_give_the_canonical_tables(tmp_path: Path) -> None:
    ratings, test, users, items, summary = ingest_files(tmp_path, {}, STARS)
    assert ratings.to_dict("list") == {
        "user": ["ann", "ann", "bob", "bob"],
        "item": ["1", "2", "1", "3"],
        "rating": [5.0, 3.0, 4.0, 1.0],
    }
    assert test["id"].tolist() == [7, 5]
    assert test[["user", "item"]].to_numpy().tolist() == [["ann", "3"], ["bob", "2"]]
    assert test["rating"].isna().all()
    assert users.columns.tolist() == ["user", "age"]
    assert items.columns.tolist() == ["item", "title"]
    assert summary == {
        "n_ratings": 4,
        "n_users": 2,
        "n_items": 3,
        "n_test_pairs": 2,
        "density": 4 / 6,
        "mean_rating": 3.25,
        "scale": [1, 5],
        "histogram": {"1": 1, "3": 1, "4": 1, "5": 1},
    }


def test_raw_tables_are_not_changed(tmp_path: Path) -> None:
    raw = ratings_of("ann 1 4", "ann 1 2", "bob 1 3")
    raw.attrs = {"file": "ratings.csv", "first_line": 2}
    before = raw.copy()
    ratings, *_ = ingest_tables(raw, duplicates="last")
    pd.testing.assert_frame_equal(raw, before)
    assert raw.attrs == before.attrs
    assert ratings.attrs == {}


def test_data_set_without_other_tables_has_empty_test_pairs_and_bare_ids() -> None:
    _, test, users, items, summary = ingest_tables(ratings_of("b 2 4", "a 1 3", "b 1 2"))
    assert test.empty
    assert test.columns.tolist() == ["id", "user", "item", "rating"]
    assert summary["n_test_pairs"] == 0
    assert users.to_dict("list") == {"user": ["b", "a"]}
    assert items.to_dict("list") == {"item": ["2", "1"]}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("last", {("ann", "2"): 1.0, ("ann", "1"): 2.0, ("bob", "1"): 3.0}),
        ("mean", {("ann", "2"): 1.0, ("ann", "1"): 11 / 3, ("bob", "1"): 3.0}),
    ],
)
def test_repeated_pairs_are_settled_as_the_policy_says(
    policy: str, expected: dict[tuple[str, str], float]
) -> None:
    raw = ratings_of("ann 1 5", "ann 1 4", "ann 2 1", "bob 1 3", "ann 1 2")
    ratings, *_ = ingest_tables(raw, duplicates=policy)
    settled = ratings.set_index(["user", "item"])["rating"].to_dict()
    assert settled == pytest.approx(expected)
    assert len(ratings) == 3


def test_test_pairs_to_be_dropped_leave_the_test_split_and_are_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("fivestar"), "propagate", True)
    test = table("ID User ASIN", "4 ann 1", "2 ann 3", "9 bob 1", "7 zoe 1", "1 ann 3", "5 ann 1")
    ratings = ratings_of("ann 1 3", "bob 1 4", "bob 3 4")
    with caplog.at_level(logging.INFO):
        clean, pairs, *_, summary = ingest_tables(ratings, test, test_duplicates="drop")
    assert pairs["id"].tolist() == [2, 7]
    assert pairs[["user", "item"]].to_numpy().tolist() == [["ann", "3"], ["zoe", "1"]]
    assert pairs.index.tolist() == [0, 1]
    assert len(clean) == 3
    assert summary["n_test_pairs"] == 2
    told = "4 test pairs dropped: 3 also among the ratings, 1 there already"
    assert told in caplog.text


def test_a_rating_that_the_core_leaves_out_may_be_a_test_pair() -> None:
    ratings = ratings_of("a 1 1", "a 2 2", "d 1 3", "d 2 4", "b 1 5")
    _, pairs, *_ = ingest_tables(ratings, table("ID User ASIN", "1 b 1"), k_core=2)
    assert len(pairs) == 1


def test_k_core_is_repeated_until_nothing_changes() -> None:
    # Without c, item 3 has one rating; without item 3, b has one; a and d keep two each.
    raw = ratings_of(
        *("a 1 1", "a 2 2", "d 1 3", "d 2 4", "b 1 5", "b 3 1", "c 3 2"),
    )
    ratings, *_ = ingest_tables(raw, k_core=2)
    assert sorted(ratings["user"].unique()) == ["a", "d"]
    assert sorted(ratings["item"].unique()) == ["1", "2"]
    assert ratings.index.tolist() == [0, 1, 2, 3]


def test_scale_ends_are_part_of_it_and_zero_is_a_rating() -> None:
    ratings, *_, summary = ingest_tables(
        ratings_of("a 1 0", "a 2 -2.5", "a 3 10"), scale=Scale(-2.5, 10)
    )
    assert ratings["rating"].tolist() == [0, -2.5, 10]
    assert summary["histogram"] == {"-2.5": 1, "0": 1, "10": 1}


@pytest.mark.parametrize("user", ["0373778295", "NA", "null", "1e5", "007", "4.0", " x", "\u00e9"])
def test_ids_are_kept_exactly(tmp_path: Path, user: str) -> None:
    files = {
        "ratings": f"user,item,rating\n{user},B00APSWJM4,5\n",
        "test": f"ID,User,ASIN\n1,{user},0373778295\n",
    }
    ratings, test, *_ = ingest_files(tmp_path, files, STARS)
    assert ratings.loc[0, ["user", "item"]].tolist() == [user, "B00APSWJM4"]
    assert test.loc[0, ["user", "item"]].tolist() == [user, "0373778295"]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["12", "-3", "0"], [12, -3, 0]),
        (["012", "3", "4"], ["012", "3", "4"]),
        (["a", "3", "4"], ["a", "3", "4"]),
        (["1.0", "3", "4"], ["1.0", "3", "4"]),
        (["1e5", "3", "4"], ["1e5", "3", "4"]),
        (["99999999999999999999999", "3", "4"], ["99999999999999999999999", "3", "4"]),
    ],
)
def test_test_ids_are_whole_numbers_where_all_are_written_so(
    ids: list[str], expected: list[Any]
) -> None:
    test = table("ID User ASIN", *(f"{one} ann {n}" for n, one in enumerate(ids)))
    _, pairs, *_ = ingest_tables(ratings_of("ann x 3"), test)
    assert pairs["id"].tolist() == expected


def test_test_pairs_without_ids_are_numbered_and_may_have_ratings() -> None:
    test = table("User ASIN Rating", "ann 2 4", "zoe 1 2.5")
    columns = {"user": "User", "item": "ASIN", "rating": "Rating"}
    _, pairs, users, *_ = ingest_tables(ratings_of("ann 1 3"), test, test_columns=columns)
    assert pairs["id"].tolist() == [0, 1]
    assert pairs["rating"].tolist() == [4, 2.5]
    assert users["user"].tolist() == ["ann"]


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("881250949", 881250949),
        ("881250949.7", 881250949),
        ("1970-01-02", 86400),
        ("1970-01-01T01:00:00Z", 3600),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31", -86400),
    ],
)
def test_timestamps_are_seconds_or_dates(tmp_path: Path, cell: str, seconds: int) -> None:
    columns = {**COLUMNS, "timestamp": "when"}
    files = {"ratings": f"user,item,rating,when\nann,1,5,{cell}\nbob,1,5,60\n"}
    ratings, *_ = ingest_files(tmp_path, files, STARS, columns=columns)
    assert ratings["timestamp"].tolist() == [seconds, 60]
    assert ratings["timestamp"].dtype == np.int64


@pytest.mark.parametrize(
    ("feature", "cells", "expected"),
    [
        ({}, [" One ", "", "NA"], ["One", None, "NA"]),
        ({"missing": "NULL"}, ["a", "NULL", "null"], ["a", None, "null"]),
        ({"kind": "category"}, ["F", "", "M"], ["F", None, "M"]),
        ({"kind": "number"}, ["3.5", "", "old"], [3.5, None, None]),
        ({"kind": "number"}, ["3", "4", "5"], [3.0, 4.0, 5.0]),
        (
            {"kind": "year"},
            ["2001: A Space Odyssey (1968)", "01-Jan-1995", "no year"],
            [1968, 1995, None],
        ),
        ({"kind": "year"}, ["Show (2006\u20132007)", "0", ""], [2007, None, None]),
        ({"kind": "categories"}, ["a|b c", "", "d"], [["a", "b c"], [], ["d"]]),
        ({"kind": "categories", "separator": " "}, ["a  b", "c", " "], [["a", "b"], ["c"], []]),
        (
            {"kind": "categories", "missing": "(none)"},
            ["(none)", "a", "a|(none)"],
            [[], ["a"], ["a", "(none)"]],
        ),
    ],
)
def test_features_are_of_their_kind(
    feature: dict[str, Any], cells: list[str], expected: list[Any]
) -> None:
    raw = pd.DataFrame({"id": ["1", "2", "3"], "cell": cells}, dtype="str")
    items = {"id": "id", "features": {"feature": {"column": "cell", **feature}}}
    *_, cleaned, _ = ingest_tables(ratings_of("ann 1 3"), items_raw=raw, items=items)
    assert [None if np.ndim(x) == 0 and pd.isna(x) else x for x in cleaned["feature"]] == expected


def test_columns_of_flags_become_a_list_of_their_names(tmp_path: Path) -> None:
    features = {"kinds": {"kind": "categories", "columns": ["new", "old"]}}
    *_, items, _ = ingest_files(tmp_path, {}, STARS, items={"id": "id", "features": features})
    assert items["kinds"].tolist() == [["new"], ["new", "old"], []]


def test_rated_ids_without_a_row_follow_with_empty_features() -> None:
    raw = table("id title tags", "1 One a|b", "9 Nine c")
    features = {"title": {"column": "title"}, "tags": {"kind": "categories", "column": "tags"}}
    test = table("ID User ASIN", "1 ann 4")
    side = {"id": "id", "features": features}
    ratings = ratings_of("ann 3 3", "ann 1 3")
    *_, items, _ = ingest_tables(ratings, test, items_raw=raw, items=side)
    assert items["item"].tolist() == ["1", "9", "3"]
    assert items["title"].isna().tolist() == [False, False, True]
    assert items["tags"].tolist() == [["a", "b"], ["c"], []]


@pytest.mark.parametrize(
    "feature",
    [{}, {"column": "a", "columns": ["b"]}, {"columns": ["a"]}, {"kind": "colour", "column": "a"}],
)
def test_feature_that_makes_no_sense_is_refused(feature: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Feature.model_validate(feature)


def test_tables_of_other_kedro_datasets_may_hold_numbers() -> None:
    ratings = pd.DataFrame({"user": [7, 8], "item": [1.0, 2.0], "rating": [4, 3.5]})
    test = pd.DataFrame({"ID": [3, 1], "User": [7, 9], "ASIN": [2, 1]})
    users = pd.DataFrame({"id": [7.0, 9.0], "age": [30, np.nan]})
    items = pd.DataFrame({"id": [2], "title": pd.Categorical(["Two"])})
    clean, pairs, users, items, _ = ingest_tables(ratings, test, users, items)
    assert clean["user"].tolist() == ["7", "8"]
    assert clean["item"].tolist() == ["1", "2"]
    assert clean["rating"].tolist() == [4, 3.5]
    assert pairs["id"].tolist() == [3, 1]
    assert users["user"].tolist() == ["7", "9", "8"]
    assert users["age"].tolist()[0] == 30
    assert users["age"].isna().tolist() == [False, True, True]
    assert items["title"].tolist()[0] == "Two"


@pytest.mark.parametrize(
    ("column", "says"),
    [("user", "an empty id in row 2"), ("item", "an empty id"), ("rating", "no rating in row 2")],
)
@pytest.mark.parametrize("dtype", ["str", "object", "float"])
def test_missing_values_of_other_kedro_datasets_are_refused(
    column: str, says: str, dtype: str
) -> None:
    ratings = pd.DataFrame({"user": ["7", "8"], "item": ["1", "2"], "rating": ["4", "3"]})
    ratings[column] = pd.Series(["1", np.nan]).astype(dtype)
    with pytest.raises(InputError, match=f"column '{column}': {says}"):
        ingest_tables(ratings)


OUTPUTS = ["ratings", "test_pairs", "users", "items"]


@pytest.fixture
def run(tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    """Run the pipeline on FILES as they lie there and read the files that it has written."""
    datasets: dict[str, Any] = {
        "params:ingestion": MemoryDataset(settings_of(), copy_mode="assign"),
        "params:scale": MemoryDataset(STARS, copy_mode="assign"),
        "ratings_summary": JSONDataset(filepath=str(tmp_path / "summary.json")),
        **{name: ParquetTable(filepath=str(tmp_path / f"{name}.parquet")) for name in OUTPUTS},
    }
    raw_names = ("ratings_raw", "test_pairs_raw", "users_raw", "items_raw")
    for name, (file, text) in zip(raw_names, FILES.items(), strict=True):
        (tmp_path / f"{file}.csv").write_text(text)
        datasets[name] = TextTable(filepath=str(tmp_path / f"{file}.csv"))

    def run_pipeline() -> dict[str, bytes]:
        ThreadRunner().run(create_pipeline(), DataCatalog(dict(datasets)))
        return written(tmp_path)

    return run_pipeline


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".csv"}


@pytest.mark.parametrize("file", FILES)
def test_a_mistake_in_any_raw_file_leaves_all_earlier_outputs_untouched(
    tmp_path: Path, run: Callable[[], dict[str, bytes]], file: str
) -> None:
    before = run()
    assert set(before) == {"summary.json", *(f"{name}.parquet" for name in OUTPUTS)}
    for name, text in FILES.items():  # other rows, which would be written if they were accepted
        rows = text.splitlines(keepends=True)
        (tmp_path / f"{name}.csv").write_text("".join([*rows[:1], *rows[2:]]))
    good = (tmp_path / f"{file}.csv").read_text()
    (tmp_path / f"{file}.csv").write_text(good + good.splitlines()[-1] + "\n")
    with pytest.raises(InputError, match=rf"{file}\.csv.* 1 row repeats an earlier one"):
        run()
    assert written(tmp_path) == before
    (tmp_path / f"{file}.csv").write_text(good)
    assert all(before[name] != content for name, content in run().items())


def test_pipeline_takes_raw_tables_and_gives_clean_ones() -> None:
    pipeline = create_pipeline()
    assert pipeline.inputs() == {
        *("ratings_raw", "test_pairs_raw", "users_raw", "items_raw"),
        *("params:ingestion", "params:scale"),
    }
    assert pipeline.outputs() == {"ratings", "test_pairs", "users", "items", "ratings_summary"}
