"""MLflow's store: made as a whole or not at all, and rid of runs that nobody goes on with."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from fivestar.files import BESIDE
from fivestar.hooks.place_lock import PlaceLock

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "fivestar"
PATIENCE = 20.0
"""Seconds to wait for a store that another program has locked; MLflow's own, too."""


def open_store(project: Path) -> tuple[MlflowClient, str]:
    """Client of the project's store, made if need be, and the id of its experiment."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # No connection is kept open, so none is shared with a forked worker.
    os.environ.setdefault("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    from mlflow.tracking import MlflowClient

    # Importing it sets its own level; making the tables is no news.
    for library in ("mlflow", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # What it raises it shows with a traceback before.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    folder = (project / "mlruns").resolve()
    folder.mkdir(exist_ok=True)
    database = folder / "mlflow.db"
    with store_lock(project):
        for left in folder.glob(f"{BESIDE}*"):
            left.unlink()
        if not is_whole(database):
            _make(database, folder / "artifacts")
    client = MlflowClient(tracking_uri=f"sqlite:///{database}")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is not None:
        return client, experiment.experiment_id
    return client, _create_experiment(client, folder / "artifacts")


def is_whole(database: Path) -> bool:
    """Whether there is a store with tables; a store that is locked is waited for.

    Raises
    ------
    sqlite3.DatabaseError
        If there is something else, or it stays locked for longer than MLflow waits.
    """
    if not database.exists():
        return False
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", PATIENCE, uri=True)) as store:
        return bool(store.execute("select 1 from sqlite_master limit 1").fetchone())


def store_lock(project: Path) -> FileLock:
    """What one process at a time may hold, to change what MLflow does not guard itself."""
    return FileLock(project / "mlruns/.mlflow.lock")


def close_orphans(client: MlflowClient, experiment: str, project: Path, place: str) -> None:
    """End as KILLED all RUNNING runs whose process is gone.

    Parameters
    ----------
    place
        Where this run writes. As it holds the lock there, all other runs of the place are over.
    """
    running = client.search_runs([experiment], "attributes.status = 'RUNNING'")
    for run in running:
        other = run.data.tags.get("place", place)
        lock = PlaceLock(project, other)
        if other == place or lock.try_acquire():
            client.set_terminated(run.info.run_id, "KILLED")
            lock.release()


def _make(database: Path, artifacts: Path) -> None:
    """Make the tables beside and move them into place: whoever is killed leaves no half store."""
    from mlflow.tracking import MlflowClient

    beside = database.with_name(f"{BESIDE}{os.getpid()}.db")
    _create_experiment(MlflowClient(tracking_uri=f"sqlite:///{beside}"), artifacts)
    os.replace(beside, database)


def _create_experiment(client: MlflowClient, artifacts: Path) -> str:
    # The tag makes MLflow open on the runs instead of its page for language models.
    kind = {"mlflow.experimentKind": "custom_model_development"}
    return str(client.create_experiment(EXPERIMENT, artifacts.as_uri(), kind))
