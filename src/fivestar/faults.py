"""Errors that the machine is to blame for, each in one message: what, where, and how to go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from fivestar.files import BESIDE

GO_ON = "go on with the same command and --only-missing-outputs"
STORE, STUDIES = "mlruns/mlflow.db", "mlruns/optuna.db"
"""What messages of SQLite are about, which name no file."""


class Fault(NamedTuple):
    """A kind of error: words by which it is known, what is said of it, and the fix."""

    words: str
    what: str
    fix: str


FAULTS = (
    Fault(
        "No space left on device|Disk quota exceeded|disk is full|File too large",
        "the disk is full",
        f"Free some space, then {GO_ON}.",
    ),
    Fault(
        "Read-only file system|Permission denied|Operation not permitted|readonly database"
        "|unable to open database file",
        "may not be read or written by this user",
        f"Give it the right permissions, or mount it for writing; then {GO_ON}.",
    ),
    Fault(
        "database is locked",
        "another program keeps the database locked",
        f"End that program (one that shows SQLite files, perhaps), then {GO_ON}.",
    ),
    Fault(
        "not a database|disk image is malformed|no such table|disk I/O error",
        "not the database that it should be, or damaged",
        f"Bring a copy back, or move it away and a new one is made; then {GO_ON}. "
        "Models, tables and leaderboard are files below data/ and are not lost with it.",
    ),
    Fault(
        "terminated abruptly",
        "a worker process was ended from outside, as the system does when the memory is full",
        f"Use fewer processes (--runner SequentialRunner) or smaller settings; {GO_ON}.",
    ),
    Fault(
        "MemoryError|[Cc]an't allocate memory|Cannot allocate memory|Unable to allocate|bad_alloc",
        "the memory is not enough",
        "Give the model smaller settings, such as fewer factors or units, or leave it out.",
    ),
)


def explain(error: BaseException) -> str | None:
    """What happened, where, and how to go on; None for an error of another kind."""
    chain = list(_chain(error))
    text = "\n".join(f"{type(each).__name__}: {each}" for each in chain)
    for fault in FAULTS:
        if re.search(fault.words, text):
            (words, *_) = (line for line in text.splitlines() if re.search(fault.words, line))
            where = _where(chain, text)
            return f"{where}{': ' * bool(where)}{fault.what} ({words.strip()}). {fault.fix}"
    return None


def _where(chain: list[BaseException], text: str) -> str:
    """The file, by the name that it has once it is complete; empty where none is named."""
    named = [str(each.filename) for each in chain if isinstance(each, OSError) and each.filename]
    found = re.search(r"filepath=([^,)\s]+)", text)
    if not named and not found:
        modules = {type(each).__module__.partition(".")[0] for each in chain}
        return STUDIES if "optuna" in modules else STORE if modules & {"mlflow", "sqlite3"} else ""
    path = named[-1] if named else found[1] if found else ""
    return re.sub(rf"{re.escape(BESIDE)}\d+[-/]?", "", path)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
