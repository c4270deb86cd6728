"""Failures of the machine are told in one message: what, where, and how to go on."""

from __future__ import annotations

import errno
import os
import sqlite3
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from threading import Semaphore

import click
import numpy as np
import pytest
import torch
from kedro.io import DatasetError
from mlflow.exceptions import MlflowException

from fivestar.cli import plainly
from fivestar.failure import surviving
from fivestar.faults import explain
from fivestar.hooks.store import is_whole
from fivestar.hooks.tracking import TrackingHook
from fivestar.hooks.workers import WorkersHook


def raised(*chain: BaseException) -> BaseException:
    """The first error, which came of the second, and so on."""
    for error, cause in pairwise(chain):
        error.__cause__ = cause
    return chain[0]


def of_system(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


FULL = of_system(errno.ENOSPC, "data/08_reporting/demo/.new-12-leaderboard.csv")
TOLD = {
    "data/08_reporting/demo/leaderboard.csv: the disk is full": FULL,
    "data/a.json: the disk is full": DatasetError(
        "Failed while saving data to dataset JsonFile(filepath=data/a.json).\n"
        "I/O error: No space left on device (os error 28)"
    ),
    "mlruns/mlflow.db: the disk is full": MlflowException(
        "(sqlite3.OperationalError) database or disk is full"
    ),
    "data/.locks: may not be read or written": raised(
        RuntimeError("x"), of_system(errno.EROFS, "data/.locks")
    ),
    "mlruns/mlflow.db: another program keeps": sqlite3.OperationalError("database is locked"),
    "mlruns/mlflow.db: not the database": sqlite3.DatabaseError("file is not a database"),
    "a worker process was ended from outside": BrokenProcessPool(
        "A process in the process pool was terminated abruptly"
    ),
}


@pytest.mark.parametrize(("message", "error"), TOLD.items())
def test_a_failure_of_the_machine_says_what_where_and_how_to_go_on(
    message: str, error: Exception
) -> None:
    told = explain(error)
    assert told is not None
    assert told.startswith(message)
    assert "--only-missing-outputs" in told
    assert "\n" not in told


def test_other_errors_are_left_as_they_are() -> None:
    assert explain(ValueError("n_factors is -1")) is None
    assert explain(raised(KeyError("x"), ZeroDivisionError())) is None


def test_a_run_that_meets_one_ends_with_that_message() -> None:
    def run() -> None:
        raise FULL

    with pytest.raises(click.ClickException, match=r"leaderboard\.csv: the disk is full"):
        plainly(run)()


@pytest.mark.parametrize("allocate", [np.empty, torch.empty])
def test_a_model_that_does_not_fit_into_memory_fails_alone(allocate: object) -> None:
    def fit(*, label: str) -> None:
        assert callable(allocate)
        allocate(10**16)

    failed = surviving(fit)(label="als")
    assert failed.reason.startswith("the memory is not enough (")
    assert "smaller settings" in failed.reason


def test_a_store_without_tables_is_made_anew_and_another_file_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    assert not is_whole(database)
    database.touch()
    assert not is_whole(database)
    with closing(sqlite3.connect(database)) as store:
        store.execute("create table runs (name text)")
    assert is_whole(database)
    database.write_bytes(b"no database at all" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        is_whole(database)


def test_a_store_that_fails_too_does_not_hide_the_first_error() -> None:
    hook = TrackingHook()
    hook._nodes, hook._kedro_run = {"als": []}, "now"
    hook._opening = Future()
    hook._opening.set_exception(sqlite3.OperationalError("database is locked"))
    hook.on_pipeline_error()


def test_a_node_that_another_hook_stops_gives_its_place_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hook = WorkersHook()
    hook._free, hook._threads = Semaphore(1), 1
    monkeypatch.delenv("FIVESTAR_NUM_THREADS", raising=False)
    for _ in range(2):
        going = hook.before_node_run()
        next(going)
        with pytest.raises(sqlite3.OperationalError):
            going.throw(sqlite3.OperationalError("database is locked"))
