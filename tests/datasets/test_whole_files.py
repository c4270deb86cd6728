"""Saving that is interrupted, in whatever dataset of the catalog, leaves the old content."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from kedro.io import AbstractDataset, DatasetError
from scipy import sparse

from fivestar import files
from fivestar.config import ConfigLoader
from fivestar.datasets import ModelFolder
from fivestar.failure import Failure
from fivestar.files import remove_incomplete, replacing, replacing_all
from fivestar.models import Model, build
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary
from fivestar.reporting.charts import themed
from fivestar.settings import CONFIG_LOADER_ARGS

from ..models.behaviour import SCALE, planted
from ..project import ROOT

READ_ONLY = {"TextTable", "TrainedModels", "Provenance", "StudyStore"}
LIMIT = 512
"""Bytes after which the disk is full; every value below is larger."""


def table(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ids = {name: rng.integers(0, 99, 900).astype(str) for name in ("user", "item")}
    return pd.DataFrame({**ids, "rating": rng.random(900)})


def model(seed: int) -> Model:
    train, _ = planted(seed=seed)
    fitted = build({"family": "item_mean"})
    fitted.fit(train, scale=SCALE)
    return fitted


def training_data(seed: int) -> TrainingData:
    train, validation = planted(seed=seed)
    users, items = (pd.Index(map(str, range(n)), dtype="str") for n in train.shape)
    features = Features(train, train.T.tocsr())
    return TrainingData(train, validation, Vocabulary(users, items), features, Scale(1, 5))


def chart(seed: int) -> Any:
    return themed(alt.Chart(table(seed)).mark_bar().encode(x="rating:Q"), "Title")


VALUES: dict[str, Callable[[int], Any]] = {
    "CsvTable": table,
    "JsonFile": lambda seed: table(seed)["rating"].tolist(),
    "ModelFolder": model,
    "ParquetBlocks": lambda seed: [pa.Table.from_pandas(table(seed))],
    "ParquetTable": table,
    "RatingsTable": table,
    "SparseMatrix": lambda seed: sparse.csr_array(planted(seed=seed)[0]),
    "SubmissionFile": table,
    "TextFile": lambda seed: table(seed).to_csv(),
    "TrainingDataFolder": training_data,
    "VegaChart": chart,
}


def entries() -> dict[str, dict[str, Any]]:
    """Of the whole catalog of base, one for each type and arguments of saving."""
    loader = ConfigLoader(str(ROOT / "conf"), None, {}, **CONFIG_LOADER_ARGS)  # type: ignore[arg-type]
    found = {}
    for name, entry in sorted(loader["catalog"].items()):
        if not name.startswith("_") and entry["type"].rpartition(".")[2] not in READ_ONLY:
            found.setdefault(f"{entry['type']} {entry.get('save_args', '')}", entry)
    return dict(sorted(found.items()))


@contextmanager
def disk_that_is_soon_full() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("entry", entries().values(), ids=entries())
def test_saving_that_fails_in_the_middle_leaves_the_old_content(
    entry: dict[str, Any], tmp_path: Path
) -> None:
    value = VALUES[entry["type"].rpartition(".")[2]]
    place = str(tmp_path / Path(entry["filepath"]).name)
    dataset = AbstractDataset.from_config("dataset", {**entry, "filepath": place})
    dataset.save(value(0))
    before = contents(tmp_path)
    with disk_that_is_soon_full(), pytest.raises(DatasetError):
        dataset.save(value(1))
    assert contents(tmp_path) == before
    dataset.load()
    dataset.save(value(1))
    assert contents(tmp_path) != before


@pytest.mark.parametrize("killed_at", range(3))
def test_a_folder_has_old_files_or_new_ones_or_does_not_count(
    killed_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ModelFolder(filepath=str(tmp_path))
    old, new = model(0), model(1)
    dataset.save(old)
    moved = 0

    def replace_until_killed(source: Path, target: Path) -> None:
        nonlocal moved
        if moved == killed_at:
            raise KeyboardInterrupt
        moved += 1
        os.rename(source, target)

    monkeypatch.setattr(files.os, "replace", replace_until_killed)
    if killed_at == 2:
        dataset.save(new)
        assert dataset.load().arrays()["mean"] == new.arrays()["mean"]
    else:
        with pytest.raises(KeyboardInterrupt):
            dataset.save(new)
        assert not dataset.exists()


def test_a_failure_stands_in_for_a_model_and_a_model_for_a_failure(tmp_path: Path) -> None:
    dataset = ModelFolder(filepath=str(tmp_path))
    for value in (model(0), Failure("no luck"), model(1)):
        dataset.save(value)
        assert type(dataset.load()) is type(value)


def test_what_killed_runs_left_is_removed_but_not_what_others_write(tmp_path: Path) -> None:
    for name in ("als/.new-7-history.json", "fold-1/als/.new-8-history.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / "als/.new-9/inside").mkdir(parents=True)
    (tmp_path / "als/history.json").touch()
    remove_incomplete(tmp_path, leave_out="fold-*")
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {
        *("als", "als/history.json"),
        *("fold-1", "fold-1/als", "fold-1/als/.new-8-history.json"),
    }
    remove_incomplete(tmp_path / "none")


def test_nothing_incomplete_stays_where_writing_fails(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), replacing(tmp_path / "file") as path:
        path.write_text(str(1 // 0))
    with suppress(ZeroDivisionError), replacing_all(tmp_path, ["file"]) as folder:
        (folder / "file").write_text("half")
        (folder / "file").write_text(str(1 // 0))
    assert list(tmp_path.iterdir()) == []


def test_the_data_that_a_folder_holds_is_whole(tmp_path: Path) -> None:
    training_data(0).save(tmp_path)
    replace(training_data(1), place="elsewhere").save(tmp_path)
    assert TrainingData.load(tmp_path).place == "elsewhere"
