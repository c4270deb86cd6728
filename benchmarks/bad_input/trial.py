"""Tries a case on a copy of a good project: the exit code, the message, what was left alone."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bad_input.case import Case
from tests.project import make_project

MINE_CATALOG = """\
ratings_raw: {type: fivestar.datasets.TextTable, filepath: data/01_raw/mine/reviews.csv}
test_pairs_raw: {type: fivestar.datasets.TextTable, filepath: data/01_raw/mine/to_predict.csv}
"""
MINE_PARAMETERS = """\
ingestion:
  columns: {user: reader, item: book, rating: stars}
  test_columns: {id: number, user: reader, item: book}
submission: {id: number, rating: stars}
"""
MODELS = """
line_up: [item_mean, bias, als]
models: {als: {n_factors: 4, n_steps: 4}}
"""
NOT_OUTPUTS = (".locks", ".fingerprints.json", ".mlflow.lock")
"""Bookkeeping that a run may change: who holds a lock, and what raw files were last seen to hold."""
TRACEBACK = ("Traceback (most recent call last)", '  File "')
LONGEST = 1500
"""Characters of a message that still is one."""


@dataclass(frozen=True)
class Outcome:
    """What a command did.

    Attributes
    ----------
    code : exit code
    output : all that the terminal shows
    kept : whether all earlier outputs, and MLflow's store, are byte for byte as before
    """

    code: int
    output: str
    kept: bool

    @property
    def message(self) -> str:
        """What follows ``Error: ``, to the end."""
        _, found, message = self.output.rpartition("Error: ")
        return " ".join(message.split()) if found else ""

    def faults(self, case: Case) -> list[str]:
        """What the outcome lacks of a good answer to the case's bad input."""
        told = {"where": case.where, "what": case.what, "fix": case.fix}
        checks = {
            "the exit code is 0": self.code == 0,
            "no message": not self.message,
            "the message is longer than a screen": len(self.message) > LONGEST,
            "a traceback": not case.in_python and any(mark in self.output for mark in TRACEBACK),
            "earlier outputs have changed": not self.kept,
            **{f"not told {name}: {text!r}": text not in self.message for name, text in told.items()},
        }
        return [name for name, wrong in checks.items() if wrong]


def good_project(folder: Path) -> Path:
    """The demo and a data set with test pairs, both with all outputs of a default run."""
    make_project(folder)
    for environment in ("demo", "mine"):
        (folder / "conf" / environment).mkdir(exist_ok=True)
    (folder / "conf/mine/catalog.yml").write_text(MINE_CATALOG)
    (folder / "conf/mine/parameters.yml").write_text(MINE_PARAMETERS + MODELS)
    with (folder / "conf/demo/parameters.yml").open("a") as file:
        file.write(MODELS)
    write_mine(folder / "data/01_raw/mine")
    for environment in ("demo", "mine"):
        done = kedro(folder, f"run --env {environment}")
        assert done.returncode == 0, done.stdout
    return folder


def write_mine(folder: Path) -> None:
    """Ratings of 20 readers and 15 books, and a quarter of the pairs to predict."""
    folder.mkdir()
    pairs = [(reader, book) for reader in range(1, 21) for book in range(1, 16)]
    ratings = ["reader,book,stars"]
    to_predict = ["number,reader,book"]
    for number, (reader, book) in enumerate(pairs):
        ids = f"r{reader:02},b{book:02}"
        if (reader + book) % 4 == 0:
            to_predict.append(f"{number},{ids}")
        else:
            ratings.append(f"{ids},{1 + (7 * reader + 3 * book + reader * book) % 5}")
    (folder / "reviews.csv").write_text("\n".join(ratings) + "\n")
    (folder / "to_predict.csv").write_text("\n".join(to_predict) + "\n")


def spoilt(case: Case, good: Path, folder: Path) -> Path:
    """A copy of the good project with the case's bad input."""
    shutil.copytree(good, folder, symlinks=True)
    case.spoil(folder)
    return folder


def tried(case: Case, good: Path, folder: Path) -> Outcome:
    """Run the case's command in a process of its own."""
    spoilt(case, good, folder)
    before = contents(folder)
    done = ask(folder, case.command) if case.in_python else kedro(folder, case.command)
    return Outcome(done.returncode, done.stdout, contents(folder) == before)


def kedro(project: Path, command: str) -> subprocess.CompletedProcess[str]:
    """``kedro ...`` as a person types it."""
    return _process(project, [sys.executable, "-m", "kedro", *shlex.split(command)])


def ask(project: Path, expression: str) -> subprocess.CompletedProcess[str]:
    """An expression in Python."""
    return _process(project, [sys.executable, "-c", f"import fivestar; {expression}"])


def _process(project: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "1000"},  # no message is broken into lines
    )


def contents(project: Path) -> dict[str, str]:
    """Hashes of all that lies in ``data`` and ``mlruns`` but bookkeeping."""
    files = [*(project / "data").rglob("*"), *(project / "mlruns").rglob("*")]
    return {
        file.relative_to(project).as_posix(): _hash(file)
        for file in files
        if not set(file.parts) & set(NOT_OUTPUTS) and not file.is_dir()
    }


def _hash(file: Path) -> str:
    if file.is_symlink():
        return f"link to {os.readlink(file)}"
    return hashlib.sha256(file.read_bytes()).hexdigest()
