"""A small project with good outputs, and commands that run in copies of it."""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import os
import shlex
import sqlite3
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from tests.course_data import write_course_data
from tests.project import QUICK, make_project

MODELS = ("item_mean", "bias", "als")
"""That are trained: a baseline, one that folds in users, one with factors."""
RUNS = ("", "--env amazon-books")
"""Options of the runs that make the good outputs: of the demo, and of the course's format."""
LOAD = "fivestar.load"
"""The command of a case that loads a result in Python; any other is ``kedro run``."""
RESULTS = {
    "runs": "run_uuid, name, status, lifecycle_stage",
    "metrics": "run_uuid, key, value, step",
    "params": "run_uuid, key, value",
    "tags": "run_uuid, key, value",
}
"""What MLflow's store holds of runs: tables and columns."""
IMPORTED = (
    *("kedro.framework.cli.cli", "kedro_viz.launchers.cli", "mlflow.tracking", "rich.console"),
    *("torch", "fivestar.datasets", "fivestar.settings", "fivestar.recommender"),
    *("fivestar.models.factorization.als", "fivestar.pipelines.evaluation"),
    *("fivestar.pipelines.ingestion", "fivestar.pipelines.splitting"),
    *("fivestar.pipelines.submission", "fivestar.pipelines.training"),
)
"""Modules that most commands use."""
UNFINISHED = ("RUNNING", "FINISHED")
"""How no run of a command that was refused may end."""


class Outcome(NamedTuple):
    """Of one command."""

    code: int
    text: str
    """What the terminal showed."""

    @property
    def lines(self) -> list[str]:
        """What the terminal showed after ``Error: ``."""
        _, _, message = self.text.partition("Error: ")
        return message.strip().splitlines() or [""]

    @property
    def message(self) -> str:
        """The same in one line, with single blanks."""
        return " ".join(" ".join(self.lines).split())


def make(folder: Path, models: Sequence[str] = MODELS, runs: Sequence[str] = RUNS) -> Path:
    """The project with the outputs of these runs of ``kedro run``, on these models."""
    project = make_project(folder)
    write_course_data(project / "data/01_raw/amazon-books")
    settings = {**QUICK, "line_up": list(models)}
    (project / "conf/local").mkdir()
    (project / "conf/local/parameters.yml").write_text(yaml.safe_dump(settings))
    for options in runs:
        outcome = run(project, options)
        if outcome.code:
            raise RuntimeError(f"the undisturbed run failed:\n{outcome.text}")
    return project


def run(project: Path, options: str) -> Outcome:
    """``kedro run`` with these options in a process of its own, with what is imported here."""
    return in_child(project, lambda: _kedro_run(shlex.split(options)))


def load(project: Path, folder: str) -> Outcome:
    """``fivestar.load`` of a folder."""
    return in_child(project, lambda: _load(folder))


def in_child(project: Path, command: Callable[[], Any]) -> Outcome:
    """What a command shows and how it ends, in the project's folder, in a forked process."""
    shown = project / ".terminal"
    child = os.fork()
    if child == 0:
        _become(project, shown, command)
    _, status = os.waitpid(child, 0)
    text = shown.read_text(encoding="utf-8", errors="replace")
    shown.unlink()
    return Outcome(os.waitstatus_to_exitcode(status), text)


def _become(project: Path, shown: Path, command: Callable[[], Any]) -> NoReturn:
    code = 70
    try:
        os.chdir(project)
        terminal = os.open(shown, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(terminal, stream)
        _give_up_the_rights_of_root()
        command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _kedro_run(options: list[str]) -> None:
    from kedro.framework.cli.cli import main

    sys.argv = ["kedro", "run", *options]
    main()


def _load(folder: str) -> None:
    import fivestar
    from fivestar.errors import InputError

    try:
        fivestar.load(folder)
    except InputError as error:
        print(f"Error: {error}")
        sys.exit(1)


def _give_up_the_rights_of_root() -> None:
    """Have this process obey the permissions of files, as everybody's does but root's."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the call, this thread
        ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)())


def import_all() -> None:
    """Import what commands use, so that forked ones need not."""
    for name in IMPORTED:
        importlib.import_module(name)


class State(NamedTuple):
    """All outputs of a project."""

    files: dict[str, str]
    """SHA-256 of each file above the raw layer."""
    results: set[tuple[Any, ...]]
    """Rows of MLflow's store about runs, with the table's name."""

    @classmethod
    def of(cls, project: Path) -> State:
        data = project / "data"
        files = {
            str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
            for layer in sorted(data.glob("0[2-8]_*"))
            for path in sorted(layer.rglob("*"))
            if path.is_file()
        }
        with closing(sqlite3.connect(project / "mlruns/mlflow.db")) as store:
            results = {
                (table, *row)
                for table, columns in RESULTS.items()
                for row in store.execute(f"select {columns} from {table}")
            }
        return cls(files, results)

    def changes(self, now: State) -> list[str]:
        """What is not as before; runs that failed may be added."""
        changed = [
            path
            for path in sorted({*self.files, *now.files})
            if self.files.get(path) != now.files.get(path)
        ]
        changed += [f"lost in MLflow: {row}" for row in self.results - now.results]
        new = [row for row in now.results - self.results if row[0] == "runs"]
        return changed + [f"new in MLflow: {row}" for row in new if row[3] in UNFINISHED]
