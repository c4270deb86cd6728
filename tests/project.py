"""A project in a temporary folder: the real configuration on a small generated data set."""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from fivestar.hooks.store import open_store

ROOT = Path(__file__).parents[1]
QUICK: dict[str, Any] = {
    "models": {
        "gradient_descent": {"n_steps": 30},
        "gradient_descent_course": {"n_steps": 120},
        "als": {"n_factors": 4, "n_steps": 4},
        "autoencoder": {"hidden": [8], "n_steps": 4},
        "bayesian_mf": {"n_factors": 3, "n_burn_in": 5, "n_steps": 10, "n_kept": 10},
    }
}
"""Settings that train every model of the line-up within seconds."""


def make_project(folder: Path) -> Path:
    """Configuration and generated ratings in the format of the demo."""
    shutil.copytree(ROOT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, folder)
    (folder / "src").mkdir()  # Kedro wants one; the package is installed
    write_demo(folder / "data/01_raw/demo")
    copy_empty_store(folder)
    return folder


def copy_empty_store(project: Path) -> None:
    """MLflow's store as a first run makes it, without the seconds that its tables take."""
    (project / "mlruns").mkdir()
    database = project / "mlruns/mlflow.db"
    shutil.copy(_empty_store(), database)
    with closing(sqlite3.connect(database)) as store, store:
        artifacts = (project / "mlruns/artifacts").resolve().as_uri()
        store.execute("update experiments set artifact_location = ?", [artifacts])


@cache
def _empty_store() -> Path:
    project = Path(tempfile.mkdtemp(prefix="fivestar-store-"))
    atexit.register(shutil.rmtree, project)
    open_store(project)
    return project / "mlruns/mlflow.db"


def write_demo(folder: Path, n_users: int = 60, n_items: int = 40) -> None:
    """Ratings, people and titles as ``make run`` finds them."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    users, items = np.nonzero(rng.random((n_users, n_items)) < 0.5)
    taste = rng.normal(size=(n_users, 1)) @ rng.normal(size=(1, n_items))
    stars = np.clip(np.rint(3.5 + taste + rng.normal(0, 0.5, taste.shape)), 1, 5)
    _write(
        folder / "ml-100k.inter",
        {
            "user_id:token": users + 1,
            "item_id:token": items + 1,
            "rating:float": stars[users, items].astype(int),
            "timestamp:float": 881250949 + rng.permutation(users.size),
        },
    )
    _write(
        folder / "ml-100k.user",
        {
            "user_id:token": np.arange(n_users) + 1,
            "age:token": rng.integers(18, 70, n_users),
            "gender:token": rng.choice(["F", "M"], n_users),
            "occupation:token": rng.choice(["writer", "student"], n_users),
            "zip_code:token": ["02139"] * n_users,
        },
    )
    _write(
        folder / "ml-100k.item",
        {
            "item_id:token": np.arange(n_items) + 1,
            "movie_title:token_seq": [f"Film {n}" for n in range(n_items)],
            "release_year:token": rng.integers(1950, 1998, n_items),
            "class:token_seq": rng.choice(["Drama", "Comedy Romance"], n_items),
        },
    )


def run(
    project: Path,
    *,
    env: str | None = None,
    params: dict[str, Any] | None = None,
    **options: Any,
) -> None:
    """``kedro run`` in this process, in the project's folder, with quick settings."""
    before = Path.cwd()
    os.chdir(project)
    try:
        bootstrap_project(project)
        given = {
            name: value for name, value in {**QUICK, **(params or {})}.items() if value is not None
        }
        with KedroSession.create(project, env=env, runtime_params=given) as session:
            session.run(**{"pipeline_names": ["__default__"], **options})
    finally:
        os.chdir(before)


def mlflow_runs(project: Path) -> list[Run]:
    """All runs of the project's store, the latest first."""
    client = MlflowClient(tracking_uri=f"sqlite:///{project.resolve()}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("fivestar")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


def _write(path: Path, columns: dict[str, Any]) -> None:
    pd.DataFrame(columns).to_csv(path, sep="\t", index=False)


def fail_to_fit(*_: object) -> None:
    """In the place of a family's ``_fit``: what a model does that breaks while it learns."""
    raise ValueError("too wild")
