"""Whatever the ids are: they are read as written, and come back from every file as they were."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivestar.datasets import RatingsTable, TextTable
from fivestar.errors import InputError
from fivestar.pipelines.ingestion.nodes import clean_ratings
from fivestar.ratings import TrainingData, Vocabulary, observed

from ..pipelines.test_ingestion import settings_of
from .tables import PROFILE, ratings, training_data

PAIR = ["user", "item"]


def as_csv(table: pd.DataFrame, quoting: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.itertuples(index=False))
    return text.getvalue()


@PROFILE
@given(table=ratings(), quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_ids_are_read_exactly_as_they_are_written(
    table: pd.DataFrame, quoting: int, tmp_path: Path
) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(as_csv(table, quoting), encoding="utf-8")
    raw = TextTable(filepath=str(file)).load()
    assert raw is not None
    clean = clean_ratings(raw, settings_of(), table.attrs["scale"])
    for column in PAIR:
        assert clean[column].astype("str").tolist() == table[column].tolist()
    np.testing.assert_array_equal(clean["rating"], table["rating"])


@PROFILE
@given(table=ratings(controls=True))
def test_a_saved_table_comes_back_the_same(table: pd.DataFrame, tmp_path: Path) -> None:
    dataset = RatingsTable(filepath=str(tmp_path / "ratings.parquet"))
    dataset.save(table)
    again = dataset.load()
    for column in PAIR:
        assert again[column].astype("str").tolist() == table[column].tolist()
    np.testing.assert_array_equal(again["rating"], table["rating"])


@PROFILE
@given(table=ratings(), policy=st.sampled_from(["error", "last", "mean"]), data=st.data())
def test_a_pair_has_one_rating_or_is_refused(
    table: pd.DataFrame, policy: str, data: st.DataObject
) -> None:
    repeats = data.draw(st.lists(st.integers(0, len(table) - 1), min_size=1, max_size=5))
    scale = table.attrs["scale"]
    again = table.iloc[repeats].assign(rating=scale.highest)
    raw = pd.concat([table, again], ignore_index=True)
    given_settings = settings_of(duplicates=policy)
    if policy == "error":
        with pytest.raises(InputError, match="repeat"):
            clean_ratings(raw, given_settings, scale)
        return
    clean = clean_ratings(raw, given_settings, scale)
    found = clean.set_index([clean["user"].astype("str"), clean["item"].astype("str")])["rating"]
    by_pair = raw.groupby(PAIR, sort=False)["rating"]
    expected = by_pair.mean() if policy == "mean" else by_pair.last()
    assert found.index.is_unique
    np.testing.assert_allclose(found.loc[expected.index.tolist()], expected, rtol=1e-12)


@PROFILE
@given(table=ratings(controls=True))
def test_matrices_hold_every_rating_at_its_ids(table: pd.DataFrame) -> None:
    ids = Vocabulary.of([table])
    users, items, values = observed(ids.matrix(table))
    stored = dict(zip(zip(ids.users[users], ids.items[items], strict=True), values, strict=True))
    expected = table["rating"].astype(np.float32)
    assert stored == dict(
        zip(zip(table["user"], table["item"], strict=True), expected, strict=True)
    )


@PROFILE
@given(table=ratings(controls=True))
def test_saved_training_data_comes_back_the_same(table: pd.DataFrame, tmp_path: Path) -> None:
    data = training_data(table)
    data.save(tmp_path)
    again = TrainingData.load(tmp_path)
    assert again.fingerprint == data.fingerprint
    assert again.vocabulary.users.tolist() == data.vocabulary.users.tolist()
    assert again.vocabulary.items.tolist() == data.vocabulary.items.tolist()
    assert again.ratings.nnz == len(table)
    assert (again.ratings != data.ratings).nnz == 0
