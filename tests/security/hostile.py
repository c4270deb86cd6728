"""A project whose data is hostile, and a run of it in a process that is watched."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ..project import QUICK, make_project

SECRET = "xK9-planted-secret-7Qz"
SCRIPTS = {
    "title": "</script><script>window.hacked='title'</script>",
    "genre": "<img/src=x/onerror=window.hacked='genre'>",
    "user": "<svg/onload=window.hacked='user'>",
    "item": "\"'><img/src=x/onerror=window.hacked='item'>",
    "occupation": "{{7*7}}<script>window.hacked='occupation'</script>",
}
"""By what part of the data they are; each would set ``window.hacked`` in a page."""

WATCHED = """
import json, sys
found = []
def watch(event, args):
    if event == "socket.connect":
        found.append([event, str(args[1])])
    elif event == "socket.getaddrinfo":
        found.append([event, str(args[0])])
    elif event == "pickle.find_class":
        frame = sys._getframe(1)
        while frame is not None and "/numba/" not in frame.f_code.co_filename:
            frame = frame.f_back
        if frame is None:   # not numba's cache of compiled functions
            found.append([event, ".".join(map(str, args))])
sys.addaudithook(watch)
try:
    {code}
finally:
    json.dump(found, open("watched.json", "w"))
"""
KEDRO = "from kedro.framework.cli.cli import main; main()"


class Planted:
    """Makes a file when it is read as pickle."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def pickled(marker: Path) -> bytes:
    """A pickle that makes the file ``marker`` if anybody reads it as one."""
    return pickle.dumps(Planted(marker))


def make_hostile(folder: Path) -> Path:
    """The project with scripts for ids, titles and features, and with secrets."""
    project = make_project(folder)
    raw = project / "data/01_raw/demo"
    for name, column, value in (
        ("inter", 0, SCRIPTS["user"]),
        ("inter", 1, SCRIPTS["item"]),
        ("user", 0, SCRIPTS["user"]),
        ("user", 3, SCRIPTS["occupation"]),
        ("item", 0, SCRIPTS["item"]),
        ("item", 1, SCRIPTS["title"]),
        ("item", 3, SCRIPTS["genre"]),
    ):
        _plant(raw / f"ml-100k.{name}", column, value, every=column > 0 and name != "inter")
    local = project / "conf/local"
    local.mkdir()
    (local / "credentials.yml").write_text(f"warehouse: {{password: {SECRET}}}\n")
    quick = {**QUICK, "line_up": ["als", "bias"], "report": {"min_ratings": 2}}
    quick["inspection"] = {"min_ratings": 2, "map": "pca"}
    (local / "parameters.yml").write_text(yaml.safe_dump(quick))
    return project


def watched_run(project: Path, *options: str) -> list[tuple[str, str]]:
    """``kedro run``, watched."""
    return watched(KEDRO, project, "run", *options)


def watched(code: str, folder: Path, *arguments: str) -> list[tuple[str, str]]:
    """Run a line of Python: each connection, look-up of a host, and class that a pickle named."""
    subprocess.run(
        [sys.executable, "-c", WATCHED.format(code=code), *arguments],
        cwd=folder,
        env={**os.environ, "WAREHOUSE_PASSWORD": SECRET},
        check=True,
        capture_output=True,
        timeout=300,
    )
    return [(event, what) for event, what in json.loads((folder / "watched.json").read_text())]


def _plant(file: Path, column: int, value: str, *, every: bool) -> None:
    """Replace cells of a column: those that are 1, or every one."""
    header, *rows = (line.split("\t") for line in file.read_text().splitlines())
    for row in rows:
        if every or row[column] == "1":
            row[column] = value if not every or column == 0 else f"{value}{row[0]}"
    file.write_text("\n".join("\t".join(row) for row in [header, *rows]) + "\n")
