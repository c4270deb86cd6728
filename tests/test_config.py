"""Every environment has a place of its own; this machine's own settings win."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.config import MissingConfigException

from fivestar.config import ConfigLoader
from fivestar.errors import InputError
from fivestar.settings import CONFIG_LOADER_ARGS

from .project import make_project


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project") / "conf"


def loader(conf: Path, env: str | None = None, **params: Any) -> ConfigLoader:
    return ConfigLoader(str(conf), env, params, **CONFIG_LOADER_ARGS)  # type: ignore[arg-type]


def test_the_place_is_the_environment_and_the_fold(conf: Path) -> None:
    assert loader(conf).place == "demo"
    assert loader(conf, "ml-100k").place == "ml-100k/fold-1"
    assert loader(conf, "ml-100k", fold=3).place == "ml-100k/fold-3"


def test_paths_are_of_the_loader_that_is_asked_whatever_others_were_asked_before(
    conf: Path,
) -> None:
    first, second = loader(conf, "ml-100k", fold=4), loader(conf)
    assert second["catalog"]["train"]["filepath"] == "data/05_model_input/demo/train.parquet"
    catalog = first["catalog"]
    assert catalog["ratings_raw"]["filepath"] == "data/01_raw/ml-100k/u4.base"
    assert catalog["train"]["filepath"] == "data/05_model_input/ml-100k/fold-4/train.parquet"


def test_a_fold_where_there_are_none_is_refused(conf: Path) -> None:
    with pytest.raises(InputError, match="demo has no folds"):
        _ = loader(conf, fold=2).place
    with pytest.raises(InputError, match="no fold's name"):
        _ = loader(conf, "ml-100k", fold="../demo").place


def test_a_data_set_is_named_after_its_environment(conf: Path) -> None:
    (conf / "mine").mkdir()
    assert loader(conf, "mine")["parameters"]["dataset"] == "mine"


def test_settings_of_this_machine_win_over_the_environment_and_lose_to_the_command_line(
    conf: Path,
) -> None:
    (conf / "local").mkdir()
    (conf / "local/parameters.yml").write_text("splitting: {seed: 7}\nline_up: [bias]\n")
    (conf / "local/catalog.yml").write_text(
        "ratings_raw: {type: pandas.CSVDataset, filepath: elsewhere.csv}\n"
    )
    own = loader(conf)
    assert own["parameters"]["splitting"]["seed"] == 7
    assert own["parameters"]["splitting"]["method"] == "stratified"
    assert own["parameters"]["line_up"] == ["bias"]
    assert own["catalog"]["ratings_raw"]["filepath"] == "elsewhere.csv"
    given = loader(conf, splitting={"seed": 8})
    assert given["parameters"]["splitting"]["seed"] == 8


def test_credentials_of_this_machine_are_read_though_there_are_no_others(conf: Path) -> None:
    with pytest.raises(MissingConfigException):
        _ = loader(conf)["credentials"]
    (conf / "local").mkdir()
    with pytest.raises(MissingConfigException):
        _ = loader(conf)["credentials"]
    (conf / "local/credentials.yml").write_text("warehouse: {password: secret}\n")
    assert loader(conf)["credentials"] == {"warehouse": {"password": "secret"}}
