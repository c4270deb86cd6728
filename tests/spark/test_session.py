"""What is missing is told in one message, before anything runs."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from fivestar.errors import InputError
from fivestar.lineage.files import state
from fivestar.spark.session import require_spark

from ..project import make_project, run


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if pyspark was installed, whether it is or not."""
    spec = ModuleSpec("pyspark", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)


def write_java(folder: Path, version: str) -> None:
    """A ``java`` that tells its version, and nothing else."""
    java = folder / "bin/java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)


def test_without_java_a_run_ends_before_it_begins_and_leaves_earlier_outputs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: None
) -> None:
    project = make_project(tmp_path / "project")
    earlier = project / "data/08_reporting/spark/leaderboard.csv"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("model\n")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"Java is not found.*Install Java 17.*apt-get install"):
        run(project, env="spark")
    assert earlier.read_text() == "model\n"
    assert not (project / "data/03_primary").exists()


def test_a_java_home_without_java_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: None
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match=f"JAVA_HOME is {tmp_path}, which has no bin/java"):
        require_spark()


@pytest.mark.parametrize(("version", "told"), [("1.8.0_412", "Java 8"), ("11.0.2", "Java 11")])
def test_a_java_that_is_too_old_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: None, version: str, told: str
) -> None:
    write_java(tmp_path, version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match=f"is {told}; Spark needs 17 or newer"):
        require_spark()


def test_without_pyspark_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "fivestar\[spark\]"'):
        require_spark()


def test_a_folder_of_part_files_is_one_file_to_the_lineage(tmp_path: Path) -> None:
    folder = tmp_path / "train.parquet"
    assert state(folder) is None
    folder.mkdir()
    (folder / "part-0").write_text("a")
    (folder / "part-1").write_text("b")
    written = state(folder)
    assert written is not None
    assert state(folder, written) is written
    (folder / "part-1").write_text("c")
    changed = state(folder, written)
    assert changed is not None
    assert changed[2] != written[2]
