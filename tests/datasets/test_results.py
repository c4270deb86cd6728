"""What runs leave is loaded back, and shown by kedro-viz."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from fivestar.datasets import ParquetTable, Provenance, RatingsTable, TrainedModels, VegaChart
from fivestar.models import build
from fivestar.reporting.charts import themed

from ..models.behaviour import SCALE, planted

PNG = b"\x89PNG"


def test_a_chart_is_loaded_back_and_previewed_as_a_picture(tmp_path: Path) -> None:
    table = pd.DataFrame({"model": ["a", "b"], "rmse": [0.9, 1.0]})
    bars = alt.Chart(table, width="container").mark_bar().encode(x="rmse:Q", y="model:N")
    dataset = VegaChart(filepath=str(tmp_path / "chart.json"))
    assert not dataset.exists()
    dataset.save(themed(bars, "Title <&> 'é'"))
    assert dataset.exists()
    specification = json.loads((tmp_path / "chart.json").read_text(encoding="utf-8"))
    assert specification["title"] == "Title <&> 'é'"
    assert dataset.load().to_dict() == specification
    assert base64.b64decode(dataset.preview()).startswith(PNG)


def test_a_layered_chart_of_no_rows_can_be_shown(tmp_path: Path) -> None:
    empty = alt.Chart(pd.DataFrame(columns=["x", "y"])).encode(x="x:Q", y="y:Q")
    dataset = VegaChart(filepath=str(tmp_path / "chart.json"))
    dataset.save(themed(empty.mark_line() + empty.mark_point(), "Nothing", "There is no data."))
    dataset.load()
    assert base64.b64decode(dataset.preview()).startswith(PNG)


def test_a_preview_of_a_table_holds_plain_values(tmp_path: Path) -> None:
    table = pd.DataFrame({"item": ["1", "2"], "genres": [["Drama"], []], "year": [1995.0, np.nan]})
    dataset = ParquetTable(filepath=str(tmp_path / "items.parquet"))
    dataset.save(table)
    shown = dataset.preview(nrows=1)
    assert shown["columns"] == ["item", "genres", "year"]
    assert shown["data"] == [["1", ["Drama"], 1995.0]]
    dataset.save(table[:0])
    assert dataset.preview()["data"] == []


def test_ratings_are_codes_in_memory_and_plain_text_to_other_readers(tmp_path: Path) -> None:
    users = pd.Categorical(["007", "NA", "007"], categories=["NA", "007", "nobody"])
    table = pd.DataFrame(
        {"id": [3, 1, 2], "user": users, "item": ["1", "é", "1"], "rating": [4.5, np.nan, 3.7]},
        index=[7, 5, 9],
    )
    dataset = RatingsTable(filepath=str(tmp_path / "test.parquet"))
    dataset.save(table)
    wanted = table.astype({"user": "str", "item": "str"}).reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_parquet(dataset.path), wanted)
    again = dataset.load()
    assert again["user"].cat.categories.tolist() == ["007", "NA"]
    pd.testing.assert_frame_equal(again.astype({"user": "str", "item": "str"}), wanted)
    assert dataset.preview(nrows=1)["data"] == [[3, "007", "1", 4.5]]


def test_tables_of_other_writers_are_ratings_too(tmp_path: Path) -> None:
    table = pd.DataFrame({"user": ["b", "a"], "item": ["2", "1"], "part": "test"}, index=[4, 2])
    table.to_parquet(tmp_path / "table.parquet")
    again = RatingsTable(filepath=str(tmp_path / "table.parquet")).load()
    assert again.columns.tolist() == ["user", "item", "part"]
    assert again.to_numpy().tolist() == table.to_numpy().tolist()
    assert again["user"].cat.codes.tolist() == [1, 0]


@pytest.mark.parametrize("dtype", ["object", "str"])
def test_a_table_without_rows_keeps_its_columns(tmp_path: Path, dtype: str) -> None:
    dataset = RatingsTable(filepath=str(tmp_path / "table.parquet"))
    dataset.save(pd.DataFrame(columns=["part", "user", "item", "rating"], dtype=dtype))
    assert dataset.load().columns.tolist() == ["part", "user", "item", "rating"]


def test_trained_models_are_loaded_by_name_when_asked_for(tmp_path: Path) -> None:
    train, _ = planted()
    for name in ("first", "second"):
        model = build({"family": "bias"})
        model.fit(train, scale=SCALE)
        model.save(tmp_path / name)
        model.save(tmp_path / name / "fitted_on_train")
    (tmp_path / "failed").mkdir()
    for inside in (".", "fitted_on_train"):
        dataset = TrainedModels(filepath=str(tmp_path), inside=inside)
        shelf = dataset.load()
        assert list(shelf) == ["first", "second"]
        assert shelf["second"].family == "bias"
        assert dataset.exists()
    with pytest.raises(KeyError):
        shelf["failed"]
    assert not TrainedModels(filepath=str(tmp_path / "none")).exists()
    with pytest.raises(DatasetError):
        dataset.save(None)


def test_provenance_tells_revision_time_and_versions(tmp_path: Path) -> None:
    made = Provenance(project=str(tmp_path)).load()
    assert made["git_revision"] == "unknown"
    assert made["time"].endswith("UTC")
    assert "torch 2." in made["libraries"]
