"""Writing files so that a reader finds the old or the new one, never half of one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BESIDE = ".new-"
"""How names of files and folders begin that are not complete yet; the writing process follows."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes the place of ``path`` if all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{BESIDE}{os.getpid()}-{path.name}")
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:  # of a full disk, it names no file
        error.filename = error.filename or str(path)
        raise
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def replacing_all(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Give an empty folder for files that belong together; they replace those of ``folder``.

    Parameters
    ----------
    names
        Of all the files. The last one tells readers that the files are there: it goes first and
        comes last, so whoever is killed in between leaves no mixture of old and new files.
    """
    beside = folder / f"{BESIDE}{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        (folder / names[-1]).unlink(missing_ok=True)
        for name in names:
            os.replace(beside / name, folder / name)
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def remove_incomplete(folder: Path, leave_out: str = "") -> None:
    """Delete what killed processes left incomplete below ``folder``.

    Parameters
    ----------
    leave_out
        A pattern of names: folders directly in ``folder`` that may be written to just now.
    """
    others = set(folder.glob(leave_out)) if leave_out else set()
    for left in [*folder.rglob(f"{BESIDE}*")]:
        if not others.isdisjoint(left.parents):
            continue
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)
