"""One run at a time writes in one place, and a killed one leaves nothing in the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from fivestar.errors import InputError
from fivestar.hooks.place_lock import PlaceLock
from fivestar.hooks.store import close_orphans, open_store

from ..project import copy_empty_store, make_project, mlflow_runs, run

HOLD = """
import sys, time
from pathlib import Path
from fivestar.hooks.place_lock import PlaceLock
lock = PlaceLock(Path(sys.argv[1]), "demo")
lock.acquire(wait=False)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of ``demo``."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_told_who_is_writing_and_since_when(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(InputError, match=rf"demo: .*process {holder.pid}, since 20.*wait=true"):
        PlaceLock(tmp_path, "demo").acquire(wait=False)
    other = PlaceLock(tmp_path, "ml-100k/fold-1")
    other.acquire(wait=False)
    other.release()


def test_a_killed_runs_lock_does_not_block(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    PlaceLock(tmp_path, "demo").acquire(wait=False)


def test_a_run_that_waits_goes_on_when_the_place_is_free(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    code = HOLD.replace("wait=False", "wait=True").replace("time.sleep(60)", "")
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        time.sleep(1)
        assert waiting.poll() is None
        holder.kill()
        assert waiting.communicate(timeout=30)[0] == "held\n"


def test_a_run_gives_the_lock_back_whether_it_ends_well_or_not(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    run(project, params={"line_up": ["item_mean"]}, pipeline_names=["ingestion"])
    with pytest.raises(InputError):
        run(project, pipeline_names=["training"])
    lock = PlaceLock(project, "demo")
    assert lock.try_acquire()
    lock.release()


@pytest.mark.slow
def test_runs_in_different_places_go_side_by_side_and_report_their_own_figures(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path / "project")
    for env, model in (("demo", "bias"), ("other", "item_mean")):
        if env != "demo":
            shutil.copytree(project / "conf/demo", project / "conf" / env)
        (project / f"conf/{env}/parameters_line_up.yml").write_text(f"line_up: [{model}]\n")
    command = [sys.executable, "-m", "kedro", "run", "--env"]
    runs = [
        subprocess.Popen([*command, env], cwd=project, stdout=subprocess.PIPE, text=True)
        for env in ("demo", "other")
    ]
    shown = [process.communicate(timeout=120)[0] for process in runs]
    assert [process.returncode for process in runs] == [0, 0]
    for output, env, model in zip(shown, ("demo", "other"), ("bias", "item_mean"), strict=True):
        assert f"{env}, split" in output
        leaderboard = pd.read_csv(project / f"data/08_reporting/{env}/leaderboard.csv")
        assert leaderboard["model"].tolist() == [model]
    places = {run.info.run_name: run.data.tags["dataset"] for run in mlflow_runs(project)}
    assert places == {"bias": "demo", "item_mean": "other"}


def test_a_store_is_whole_or_not_there_when_its_making_is_killed(tmp_path: Path) -> None:
    code = (
        f"from fivestar.hooks.store import open_store\nfrom pathlib import Path\n"
        f"open_store(Path({str(tmp_path)!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as making:
        while not list(tmp_path.glob("mlruns/.new-*.db")):
            time.sleep(0.02)
            assert making.poll() is None
        making.kill()
    assert not (tmp_path / "mlruns/mlflow.db").exists()
    client, experiment = open_store(tmp_path)
    client.create_run(experiment)
    assert not list(tmp_path.glob("mlruns/.new-*"))


def test_runs_of_processes_that_are_gone_are_closed_and_living_ones_left(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    copy_empty_store(tmp_path)
    client, experiment = open_store(tmp_path)
    for place in ("demo", "gone", "here"):
        client.create_run(experiment, run_name=place, tags={"place": place})
    close_orphans(client, experiment, tmp_path, "here")
    status = {tracked.info.run_name: tracked.info.status for tracked in mlflow_runs(tmp_path)}
    assert status == {"demo": "RUNNING", "gone": "KILLED", "here": "KILLED"}


@pytest.mark.parametrize(
    ("runner", "number", "code"),
    [
        ("SequentialRunner", signal.SIGTERM, 143),
        ("ThreadRunner", signal.SIGINT, 130),
        ("ParallelRunner", signal.SIGTERM, 143),
    ],
)
def test_a_run_that_is_told_to_stop_ends_as_killed(
    tmp_path: Path, runner: str, number: int, code: int
) -> None:
    project = make_project(tmp_path / "project")
    (project / "conf/demo/parameters_slow.yml").write_text(
        "line_up: [bias]\nmodels: {bias: {n_steps: 100000000}}\n"
    )
    command = [sys.executable, "-m", "kedro", "run", "--runner", runner]
    log = project / "log.txt"
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=project, stdout=output, stderr=output) as running,
    ):
        wait_for(lambda: has_running(project), running)
        time.sleep(0.5)
        running.send_signal(number)
        assert running.wait(timeout=30) == code, log.read_text()
    assert [tracked.info.status for tracked in mlflow_runs(project)] == ["KILLED"]
    assert "Traceback" not in log.read_text()
    assert PlaceLock(project, "demo").try_acquire()


def has_running(project: Path) -> bool:
    client = MlflowClient(tracking_uri=f"sqlite:///{project.resolve()}/mlruns/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'fivestar'")
    return bool(client.search_runs([experiment.experiment_id]))


def wait_for(condition: object, process: subprocess.Popen[bytes]) -> None:
    assert callable(condition)
    until = time.monotonic() + 60
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.2)


SHARING = """
import multiprocessing, time
from fivestar.hooks.workers import WorkersHook
WorkersHook()
shared = multiprocessing.get_context("fork").Manager()
print(shared._process.pid, flush=True)
time.sleep(60)
"""


def test_a_process_that_shares_data_between_workers_ends_when_the_run_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", SHARING], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        sharing = int(run.stdout.readline())
        run.kill()
        try:
            run.communicate(timeout=30)  # which is open until the other one has ended, too
        except subprocess.TimeoutExpired:
            os.kill(sharing, signal.SIGKILL)
            raise
