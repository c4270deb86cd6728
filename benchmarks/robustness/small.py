"""A small project to try faults on: the real configuration on little data, quick models."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from tests.project import make_project  # noqa: E402

MODELS = ["item_mean", "bias", "als"]
"""Models of the default run that take no seconds."""
QUICK = {"line_up": MODELS, "models": {"als": {"n_factors": 4, "n_steps": 4}}}


def make(folder: Path, *, store: bool = True, env: str = "demo") -> Path:
    """A project with 60 users, 40 items and 1,224 ratings, and with an empty store or none."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make_project(folder)
    (folder / f"conf/{env}/parameters_quick.yml").write_text(yaml.safe_dump(QUICK))
    if not store:
        (folder / "mlruns/mlflow.db").unlink()
    return folder


def leaderboard(project: Path, place: str = "demo") -> pd.DataFrame:
    """All its columns but the seconds, every cell as it is written."""
    path = project / f"data/08_reporting/{place}/leaderboard.csv"
    return pd.read_csv(path, dtype=str).drop(columns="fit_seconds")


def statuses(project: Path) -> list[tuple[str, str, int]]:
    """Name, status and number of different metrics of every run in the project's store."""
    with closing(sqlite3.connect(project / "mlruns/mlflow.db")) as store:
        return store.execute(
            "select name, status, count(distinct key) from runs"
            " left join metrics using (run_uuid) group by run_uuid"
        ).fetchall()


def incomplete(project: Path) -> list[Path]:
    """Temporary files and folders in the project."""
    return sorted(project.rglob(".new-*"))
