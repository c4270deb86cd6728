"""A bad input as data: what is spoilt in a good project, the command, what the message says."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Spoil = Callable[[Path], None]
"""Changes the project in a folder."""

RATINGS = "data/01_raw/mine/reviews.csv"
PAIRS = "data/01_raw/mine/to_predict.csv"
DEMO = "data/01_raw/demo/ml-100k.inter"
USERS = "data/01_raw/demo/ml-100k.user"
ITEMS = "data/01_raw/demo/ml-100k.item"
HEADER = "reader,book,stars"
RUN = "run --env mine"
"""Of the data set that ``project.py`` writes; the demo has side tables and times besides."""


@dataclass(frozen=True)
class Case:
    """One bad input.

    Parameters
    ----------
    wrong
        What is wrong, in a few words; no two cases have the same.
    command
        What follows ``kedro``, as in a shell; or what is asked in Python, ``fivestar.load(...)``.
    where, what, fix
        Parts of the message: the place, what is wrong there, and what to do about it.
    spoil
        Changes the project; most cases with ``--params`` need none.
    """

    wrong: str
    command: str
    where: str
    what: str
    fix: str
    spoil: Spoil = lambda project: None

    @property
    def in_python(self) -> bool:
        """Whether the command is asked in Python instead of the shell."""
        return self.command.startswith("fivestar.")


def write(name: str, content: str | bytes) -> Spoil:
    """A file with other content."""

    def spoil(project: Path) -> None:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def change(name: str, old: str, new: str) -> Spoil:
    """A file with a text replaced, where it occurs first."""

    def spoil(project: Path) -> None:
        text = (project / name).read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r}"
        write(name, text.replace(old, new, 1))(project)

    return spoil


def after_header(name: str, *rows: str) -> Spoil:
    """A table with rows more, below its first line."""

    def spoil(project: Path) -> None:
        header, rest = (project / name).read_text(encoding="utf-8").split("\n", 1)
        write(name, "\n".join([header, *rows, rest]))(project)

    return spoil


def append(name: str, text: str) -> Spoil:
    """A file with text more at its end."""

    def spoil(project: Path) -> None:
        path = project / name
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        write(name, before + text)(project)

    return spoil


def recode(name: str, encoding: str) -> Spoil:
    """A file in another encoding."""

    def spoil(project: Path) -> None:
        text = (project / name).read_text(encoding="utf-8").replace("r01", "Zoë")
        write(name, text.encode(encoding))(project)

    return spoil


def truncate(name: str, share: float = 0.5) -> Spoil:
    """The beginning of a file only."""

    def spoil(project: Path) -> None:
        content = (project / name).read_bytes()
        write(name, content[: int(len(content) * share)])(project)

    return spoil


def delete(name: str) -> Spoil:
    """Without a file or a folder."""

    def spoil(project: Path) -> None:
        path = project / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return spoil


def folder(name: str) -> Spoil:
    """A folder in place of a file."""

    def spoil(project: Path) -> None:
        delete(name)(project)
        (project / name).mkdir()

    return spoil


def read_error(name: str) -> Spoil:
    """A file that exists, and gives an error when it is read, as from a bad disk."""

    def spoil(project: Path) -> None:
        delete(name)(project)
        os.symlink("/proc/self/mem", project / name)

    return spoil


def change_json(name: str, key: str, value: object) -> Spoil:
    """A JSON file with another value; None takes the key out."""

    def spoil(project: Path) -> None:
        values = json.loads((project / name).read_text(encoding="utf-8"))
        values = {**values, key: value}
        if value is None:
            del values[key]
        write(name, json.dumps(values))(project)

    return spoil


def copy(name: str, other: str) -> Spoil:
    """The file or folder ``other`` in place of one."""

    def spoil(project: Path) -> None:
        delete(name)(project)
        place = project / name
        if (project / other).is_dir():
            shutil.copytree(project / other, place)
        else:
            shutil.copy(project / other, place)

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def spoil(project: Path) -> None:
        for each in spoils:
            each(project)

    return spoil
