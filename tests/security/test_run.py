"""A run reads no pickle, speaks to nobody, keeps secrets, and writes pages that run no script."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

import fivestar
from fivestar.config import ConfigLoader
from fivestar.settings import CONFIG_LOADER_ARGS

from ..browser import browser_page
from ..project import ROOT, run
from .hostile import SECRET, Planted, make_hostile, pickled, watched, watched_run

PAGES = ["report.html", "exploration.html", "inspection.html"]
THIS_MACHINE = re.compile(r"\('(127\.|::1)|localhost|127\.|::1|/")
"""How addresses of the loopback, and sockets that are files, begin."""


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str]]]:
    project = make_hostile(tmp_path_factory.mktemp("hostile") / "project")
    looked_at = "__default__,exploration,inspection,report"  # in one process, for time
    return project, watched_run(project, "--pipelines", looked_at)


@pytest.fixture
def project(hostile_run: tuple[Path, list[tuple[str, str]]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(hostile_run[0], tmp_path / "project"))


def test_what_watches_a_run_sees_connections_and_pickles(tmp_path: Path) -> None:
    seen = watched(
        "import pathlib, pickle, socket; pickle.loads(pickle.dumps(pathlib.Path())); "
        "socket.socket(type=socket.SOCK_DGRAM).connect(('127.0.0.1', 9))",
        tmp_path,
    )
    assert [event for event, _ in seen] == ["pickle.find_class", "socket.connect"]
    assert THIS_MACHINE.match(seen[1][1])
    assert not THIS_MACHINE.match("('192.0.2.1', 443)")


def test_a_run_connects_to_nobody_outside_of_the_machine(
    hostile_run: tuple[Path, list[tuple[str, str]]],
) -> None:
    outside = [what for event, what in hostile_run[1] if event.startswith("socket.")]
    assert [address for address in outside if not THIS_MACHINE.match(address)] == []


def test_a_run_reads_no_pickle(hostile_run: tuple[Path, list[tuple[str, str]]]) -> None:
    assert [what for event, what in hostile_run[1] if event == "pickle.find_class"] == []


def test_secrets_are_in_no_run_log_or_output(
    hostile_run: tuple[Path, list[tuple[str, str]]],
) -> None:
    project = hostile_run[0]
    loader = ConfigLoader(str(project / "conf"), **CONFIG_LOADER_ARGS)  # type: ignore[arg-type]
    assert loader["credentials"]["warehouse"]["password"] == SECRET
    told = {
        path.relative_to(project).as_posix()
        for path in project.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    }
    assert (project / "info.log").stat().st_size
    assert told == {"conf/local/credentials.yml"}


def test_telemetry_is_off() -> None:
    assert yaml.safe_load((ROOT / ".telemetry").read_text()) == {"consent": False}
    assert yaml.safe_load((ROOT / "conf/logging.yml").read_text())["root"]["level"] != "DEBUG"


@pytest.mark.parametrize("name", PAGES)
def test_scripts_in_data_are_text_in_pages(
    hostile_run: tuple[Path, list[tuple[str, str]]], name: str
) -> None:
    path = hostile_run[0] / "data/08_reporting/demo" / name
    with browser_page() as visit:
        visit.open(path)
        for chart in visit.page.locator(".chart canvas").all():
            chart.scroll_into_view_if_needed()
            box = chart.bounding_box()
            assert box is not None
            for across in np.linspace(0.2, 0.8, 4):  # over marks, whose tooltips are HTML
                chart.hover(
                    position={"x": across * box["width"], "y": 0.6 * box["height"]}, force=True
                )
        hacked, images = visit.page.evaluate(
            "[window.hacked, [...document.querySelectorAll('img, body > script ~ svg')].length]"
        )
        assert hacked is None
        assert images == 0
        assert visit.errors == []
        assert visit.outside == []


# -- pickles in place of files


def plant_everywhere(project: Path, marker: Path) -> list[Path]:
    """A pickle in place of every file that a run has left, arrays of pickles in matrices."""
    planted = [
        path
        for layer in ("03_primary", "05_model_input", "06_models", "07_model_output")
        for path in sorted((project / "data" / layer).rglob("*"))
        if path.is_file()
    ]
    objects = np.array([Planted(marker)], dtype=object)
    for path in planted:
        path.write_bytes(pickled(marker))
        if path.suffix == ".npz":
            np.savez(path, data=objects, indices=objects, indptr=objects, shape=objects)
    return planted


def test_pickles_in_place_of_outputs_do_nothing_and_are_made_again(
    project: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    planted = plant_everywhere(project, marker)
    assert {".npz", ".json", ".parquet", ".safetensors", ".csv"} <= {p.suffix for p in planted}
    run(project, params={"models": None}, only_missing_outputs=True)
    assert not marker.exists()
    champion = fivestar.load(project / "data/06_models/demo")
    assert np.isfinite(champion.predict("2", "2"))
