"""Names cannot lead out of the project, wherever they come from."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import fivestar
from fivestar import download
from fivestar.config import ConfigLoader, require_names
from fivestar.errors import InputError
from fivestar.names import NAME
from fivestar.settings import CONFIG_LOADER_ARGS

from ..project import make_project, run

PATHS = ["../outside", "/tmp/outside", "..", ".", ".hidden", "a/b", "a\\b", "", "a\n", "~"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("paths") / "project")
    (project.parent / "outside").mkdir()
    (project / "conf/.hidden").mkdir()
    return project


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", [path for path in PATHS if path])
def test_an_environment_is_a_folder_of_the_configuration(project: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"--env: .* is no environment's name"):
        _ = ConfigLoader(str(project / "conf"), name, **CONFIG_LOADER_ARGS).place  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PATHS)
def test_a_fold_is_a_name(name: str) -> None:
    assert not NAME.fullmatch(name)


@pytest.mark.parametrize("name", [*PATHS, "a.b"])
def test_models_and_changes_tried_on_one_are_names(name: str) -> None:
    with pytest.raises(InputError, match=r"parameters_models\.yml.*is no name for a folder"):
        require_names({"models": {name: {"family": "bias"}}})
    with pytest.raises(InputError, match=r"parameters_ablation\.yml.*is no name for a folder"):
        require_names({"ablation": {"variants": {name: {}}}})


@pytest.mark.parametrize(
    "asked",
    [
        {"env": "../outside"},
        {"env": "ml-100k", "params": {"fold": "../../../outside"}},
        {"params": {"models": {"../../../../outside": {"family": "bias"}}}},
        {"params": {"tuning": {"model": "../../../outside"}}, "pipeline_names": ["tuning"]},
    ],
    ids=["env", "fold", "model", "tuning"],
)
def test_a_run_writes_nothing_outside_and_says_what_is_wrong(
    project: Path, asked: dict[str, Any]
) -> None:
    before = files(project.parent)
    with pytest.raises(InputError, match="outside"):
        run(project, **asked)
    new = {path.relative_to(project).parts[:2] for path in files(project.parent) - before}
    assert new <= {("data", ".locks"), ("data", "01_raw")}


def test_a_leaderboard_cannot_name_a_model_elsewhere(tmp_path: Path) -> None:
    board = tmp_path / "data/08_reporting/demo/leaderboard.csv"
    board.parent.mkdir(parents=True)
    board.write_text("model,validation_rmse\n../../../elsewhere,0.5\n")
    with pytest.raises(InputError, match=r"leaderboard\.csv: .* is no model's name"):
        fivestar.load(tmp_path / "data/06_models/demo")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("../outside", {}),
        ("tiny", {"files": {"../outside.csv": None}}),
        ("tiny", {"files": {"/tmp/outside.csv": None}}),
        ("tiny", {"members": "../"}),
        ("tiny", {"members": "/tmp/"}),
        ("tiny", {"members": "inside/../../"}),
    ],
)
def test_a_source_of_data_names_files_inside_its_folder(
    tmp_path: Path, name: str, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    source = {"licence": "free", "by_hand": "Ask.", "files": {"a.csv": None}, **changes}
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/sources.yml").write_text(yaml.safe_dump({name: source}))
    assert download.main([name, "--project", str(tmp_path)]) == 1
    assert "is no name of a file or folder" in capsys.readouterr().err


@pytest.mark.parametrize("member", ["../a.csv", "/a.csv", "inside/../../a.csv"])
def test_members_of_an_archive_that_lead_elsewhere_are_not_unpacked(
    tmp_path: Path, member: str
) -> None:
    archive = tmp_path / "raw/.tiny/tiny.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr(member, "planted")
        members.writestr("inside/b.csv", "wanted")
    source = download.Source(licence="free", members="inside/", files={"b.csv": None})
    assert (download.unpack(archive, source) / "b.csv").read_text() == "wanted"
    assert {path.name for path in files(tmp_path)} == {"tiny.zip", "b.csv"}


def test_a_link_in_an_archive_becomes_a_file_of_its_text(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("secret")
    archive = tmp_path / "raw/tiny.zip"
    archive.parent.mkdir()
    link = zipfile.ZipInfo("inside/b.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr(link, str(secret))
    source = download.Source(licence="free", members="inside/", files={"b.csv": None})
    unpacked = download.unpack(archive, source) / "b.csv"
    assert not unpacked.is_symlink()
    assert unpacked.read_text() == str(secret)
