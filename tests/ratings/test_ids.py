"""Ids as codes: the same text whatever way they come, in sorted order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fivestar.ratings import Vocabulary
from fivestar.ratings.ids import any_repeats, encode, from_arrow, grouped, pair_keys, to_arrow

IDS = ["b", "10", "9", "b", "\u00e9", "0373778295", "10"]


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series(IDS, dtype="str"),
        pd.Series(IDS, dtype="object"),
        pd.Series(pd.Categorical(IDS, categories=list(dict.fromkeys(IDS)))),
    ],
)
def test_ids_of_any_kind_become_codes_of_sorted_text(ids: pd.Series) -> None:
    encoded = encode(ids)
    assert encoded.tolist() == IDS
    assert encoded.categories.tolist() == sorted(set(IDS))
    assert encode(pd.Series(encoded)).codes.tolist() == encoded.codes.tolist()


def test_arrow_dictionaries_that_differ_between_chunks_become_one() -> None:
    chunks = [pa.array(part).dictionary_encode() for part in (IDS[:3], IDS[3:])]
    assert from_arrow(pa.chunked_array(chunks)).tolist() == IDS
    assert to_arrow(pd.Series(IDS, dtype="str")).to_pylist() == IDS


@pytest.mark.parametrize("chunks", [[["b", None, "a", "b"]], [["b", None], ["a", "b"]]])
def test_missing_ids_have_no_code_and_are_no_text(chunks: list[list[str | None]]) -> None:
    found = from_arrow(pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks]))
    assert found.codes.tolist() == [1, -1, 0, 1]
    assert found.categories.tolist() == ["a", "b"]
    assert found.categories.dtype == "str"
    again = to_arrow(pd.Series(found))
    assert again.to_pylist() == ["b", None, "a", "b"]
    assert again.type == pa.dictionary(pa.int32(), pa.string())
    known = Vocabulary(pd.Index(["a", "b"], dtype="str"), pd.Index(["1"], dtype="str"))
    table = pd.DataFrame({"user": found, "item": pd.Categorical(["1"] * 4)})
    assert known.indices(table)[0].tolist() == [1, -1, 0, 1]


def test_an_arrow_column_without_chunks_has_no_codes() -> None:
    found = from_arrow(pa.chunked_array([], pa.string()))
    assert len(found) == 0
    assert found.categories.dtype == "str"


def test_no_ids_are_no_codes() -> None:
    assert encode(pd.Series(dtype="str")).tolist() == []
    assert len(grouped(np.array([], dtype=np.int32))) == 0


def test_rows_are_grouped_by_code_in_their_order() -> None:
    codes = np.array([2, 0, 2, 5, 0], dtype=np.int8)
    assert grouped(codes).tolist() == [1, 4, 0, 2, 3]


def test_keys_are_the_same_for_equal_pairs_only_however_many_ids_there_are() -> None:
    users, items = np.array([100, 100, 99, 100], dtype=np.int8), np.array([0, 1, 99_999, 0])
    keys = pair_keys(users, items, 100_000)
    assert len(set(keys)) == 3
    assert any_repeats(keys)
    assert keys.tolist() == [10_000_000, 10_000_001, 9_999_999, 10_000_000]
    assert not any_repeats(keys[:3])


def test_indices_of_codes_are_those_of_their_text() -> None:
    ids = Vocabulary.of([pd.DataFrame({"user": ["a", "b"], "item": ["1", "2"]})])
    table = pd.DataFrame({"user": [*"bza"], "item": ["2", "3", "2"]}, dtype="category")
    table["item"] = table["item"].cat.add_categories("not there")
    for found, wanted in zip(ids.indices(table), ids.indices(table.astype("str")), strict=True):
        assert found.tolist() == wanted.tolist()
    assert Vocabulary.of([table]).to_dict() == {"users": [*"abz"], "items": ["2", "3"]}
