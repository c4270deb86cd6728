"""A pickle in place of any file that is read does nothing but make the reader say so."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from kedro.io import DatasetError
from scipy import sparse

from fivestar import download, models
from fivestar.config import ConfigLoader
from fivestar.datasets import (
    CsvTable,
    ModelFolder,
    ParquetBlocks,
    ParquetTable,
    RatingsTable,
    SparseMatrix,
    SplitDescription,
    SubmissionFile,
    TextTable,
    TrainingDataFolder,
    VegaChart,
)
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary
from fivestar.ratings.training_data import FILES
from fivestar.settings import CONFIG_LOADER_ARGS

from ..project import ROOT
from .hostile import Planted, pickled

READERS: dict[str, Callable[[str], Any]] = {
    "csv": lambda path: CsvTable(filepath=path),
    "parquet": lambda path: ParquetTable(filepath=path),
    "blocks": lambda path: ParquetBlocks(filepath=path),
    "ratings": lambda path: RatingsTable(filepath=path),
    "matrix": lambda path: SparseMatrix(filepath=path),
    "split": lambda path: SplitDescription(filepath=path, place="demo"),
    "submission": lambda path: SubmissionFile(filepath=path),
    "text": lambda path: TextTable(filepath=path),
    "chart": lambda path: VegaChart(filepath=path),
}


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


@pytest.mark.parametrize("kind", READERS)
def test_no_dataset_reads_a_pickle(kind: str, marker: Path, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(pickled(marker))
    with pytest.raises(DatasetError):
        print(READERS[kind](str(path)).load())
    assert not marker.exists()


def test_a_matrix_of_pickled_objects_is_refused(marker: Path, tmp_path: Path) -> None:
    objects = np.array([Planted(marker)], dtype=object)
    path = tmp_path / "matrix.npz"
    np.savez(path, format=np.array("csr"), data=objects, indices=objects, indptr=objects, shape=[1])
    with pytest.raises(DatasetError, match="allow_pickle=False"):
        SparseMatrix(filepath=str(path)).load()
    assert not marker.exists()


@pytest.mark.parametrize("file", FILES)
def test_training_data_with_a_pickle_is_refused(file: str, marker: Path, tmp_path: Path) -> None:
    some_data().save(tmp_path)
    (tmp_path / file).write_bytes(pickled(marker))
    with pytest.raises(DatasetError):
        TrainingDataFolder(filepath=str(tmp_path), place="").load()
    assert not marker.exists()


@pytest.mark.parametrize("file", ["model.json", "weights.safetensors"])
def test_a_model_with_a_pickle_is_refused(file: str, marker: Path, tmp_path: Path) -> None:
    model = models.build({"family": "item_mean"})
    model.fit(some_data().train, scale=Scale(1, 5))
    model.save(tmp_path)
    (tmp_path / file).write_bytes(pickled(marker))
    with pytest.raises(DatasetError):
        ModelFolder(filepath=str(tmp_path)).load()
    assert not marker.exists()


def test_a_model_of_a_class_elsewhere_is_no_family(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"family": "os.system", "settings": {"command": "id"}}')
    with pytest.raises(DatasetError, match=r"unknown family 'os\.system'"):
        ModelFolder(filepath=str(tmp_path)).load()


def test_pickles_in_the_metadata_of_a_parquet_file_do_nothing(marker: Path, tmp_path: Path) -> None:
    """As an extension type of Arrow, which old versions built from it (CVE-2023-47248)."""
    hidden = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickled(marker),
    }
    field = pa.field("user", pa.string(), metadata=hidden)
    table = pa.table([pa.array(["a"])], schema=pa.schema([field], metadata=hidden))
    pq.write_table(table, tmp_path / "users.parquet")
    ParquetTable(filepath=str(tmp_path / "users.parquet")).load()
    RatingsTable(filepath=str(tmp_path / "users.parquet")).load()
    assert not marker.exists()


def test_pickles_in_the_store_of_studies_are_refused(marker: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/optuna.db"
    study = optuna.create_study(study_name="s", storage=url)
    study.set_user_attr("note", "harmless")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with sqlite3.connect(tmp_path / "optuna.db") as store:
        planted = pickled(marker)
        store.execute("update study_user_attributes set value_json = ?", [planted])
        store.execute("update trial_params set distribution_json = ?", [planted])
    with pytest.raises((UnicodeDecodeError, ValueError, TypeError)):
        print(optuna.load_study(study_name="s", storage=url).user_attrs)
    with pytest.raises((UnicodeDecodeError, ValueError, TypeError)):
        print(optuna.load_study(study_name="s", storage=url).trials)
    assert not marker.exists()


YAML = "{name}: !!python/object/apply:os.mkdir ['{marker}']"


@pytest.mark.parametrize("kind", ["catalog", "parameters", "credentials"])
def test_a_tag_in_the_configuration_that_would_make_an_object_is_refused(
    kind: str, marker: Path, tmp_path: Path
) -> None:
    for folder in ("base", "demo", "local"):
        (tmp_path / "conf" / folder).mkdir(parents=True)
    (tmp_path / "conf/base/parameters.yml").write_text("engine: pandas\n")
    text = YAML.format(name="planted", marker=marker)
    (tmp_path / "conf/demo" / f"{kind}.yml").write_text(text)
    with pytest.raises(Exception, match=r"constructor for the tag"):
        print(ConfigLoader(str(tmp_path / "conf"), **CONFIG_LOADER_ARGS)[kind])  # type: ignore[arg-type]
    assert not marker.exists()


def test_a_tag_in_the_sources_of_data_is_refused(marker: Path, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/sources.yml").write_text(YAML.format(name="demo", marker=marker))
    with pytest.raises(yaml.constructor.ConstructorError):
        download.read_sources(tmp_path)
    assert not marker.exists()


def test_no_dataset_of_the_catalogs_is_kept_as_pickle() -> None:
    text = "".join(path.read_text() for path in (ROOT / "conf").rglob("catalog*.yml"))
    assert "pickle" not in text.lower()
    assert "joblib" not in text.lower()


def some_data() -> TrainingData:
    ids = Vocabulary(pd.Index([*"ab"], dtype="str"), pd.Index([*"123"], dtype="str"))
    ratings = pd.DataFrame({"user": [*"aab"], "item": [*"121"], "rating": [5.0, 3.0, 1.0]})
    train, validation = ids.matrix(ratings[1:]), ids.matrix(ratings[:1])
    features = Features(sparse.csr_array((2, 0)), sparse.csr_array((3, 0)))
    return TrainingData(train, validation, ids, features, Scale(1, 5))
