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


@pytest.mark.parametrize("env", ["dmo", "../conf/demo", "./demo", "/", ".."])
def test_an_environment_without_a_folder_of_its_name_is_refused(conf: Path, env: str) -> None:
    with pytest.raises(InputError, match=r"no (such environment|environment's name).*demo"):
        loader(conf, env).require_environment()


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


BAD = {
    "a bracket that is not closed": ("scale: {lowest: 1\n", ["line 2: no YAML", "Close brackets"]),
    "a tab": ("scale:\n\tlowest: 1\n", ["line 2: no YAML", "indent by spaces"]),
    "a key twice": ("wait: true\nwait: false\n", ["line 2", "duplicate key wait", "Delete one"]),
    "a list of all": ("- scale\n", ["no names with values", "`name: value`"]),
    "a list for settings": (
        "scale: [1, 5]\n",
        ["parameter scale is [1, 5]", "Write `scale: {lowest: value}`"],
    ),
    "settings for a list": ("line_up: {als: 1}\n", ["parameter line_up is", "it should be a list"]),
    "Latin-1": ("dataset: B\xfccher\n", ["not UTF-8 (byte 11)", "Save it in that encoding"]),
}


@pytest.mark.parametrize(("text", "says"), BAD.values(), ids=BAD.keys())
def test_a_file_that_cannot_be_read_is_named_with_the_line_and_the_fix(
    conf: Path, text: str, says: list[str]
) -> None:
    file = conf / "local/parameters.yml"
    file.parent.mkdir()
    file.write_text(text, encoding="latin-1")
    with pytest.raises(InputError) as error:
        loader(conf)["parameters"]
    for part in [str(file), *says]:
        assert part in str(error.value)
