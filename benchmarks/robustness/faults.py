"""What a run does when the machine fails: disk, permissions, MLflow's store, memory, signals.

    python benchmarks/robustness/faults.py [--only memory,signals]

Each fault is made for real in a small project (``small.py``) that has whole outputs of other
settings. After it all files have to be readable, the message has to be one without a traceback,
and, with the fault gone, ``--only-missing-outputs`` has to end with the leaderboard of an
undisturbed run and nothing left RUNNING in MLflow. Writes its section of docs/faults.md, with what
earlier calls found of faults that are not tried again. Disks are mounted: Linux and root.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.robustness import reading, section, small, warm
from benchmarks.robustness.kills import RUNNERS, processes
from benchmarks.timing import machine

RESULTS = small.ROOT / "benchmarks/results/faults.json"
OTHER = "splitting.seed=7,models.als.n_steps=3"
"""Settings of the outputs that lie there before the fault."""
SLOW = "models.bias.n_steps=100000000"
ENDLESS = "from pathlib import Path; import sqlite3, sys, time\n" + (
    "store = sqlite3.connect(sys.argv[1]); store.execute('begin exclusive')\n"
    "print('locked', flush=True); time.sleep(float(sys.argv[2]))"
)
Fault = Callable[[Path], warm.Run]
FAULTS: dict[str, tuple[str, Fault, bool | None]] = {}
"""By name: how it is made, what makes it and runs, whether the run succeeds; None: it may."""


def fault(name: str, how: str, *, harmless: bool | None = False) -> Callable[[Fault], Fault]:
    """Add a fault to those that are tried."""

    def add(function: Fault) -> Fault:
        FAULTS[name] = (how, function, harmless)
        return function

    return add


def ended(project: Path, *arguments: str, shown_in: Path | None = None) -> warm.Run:
    """A run to its end."""
    run = warm.start(project, *arguments, shown_in=shown_in)
    run.wait(300)
    return run


def during(project: Path, do: Callable[[warm.Run], object], *arguments: str) -> warm.Run:
    """A run to its end, to which something is done once MLflow has an open run of it."""
    before = len(small.statuses(project))
    run = warm.start(project, *arguments)
    while len(small.statuses(project)) == before:
        assert run.poll() is None, run.shown
        time.sleep(0.02)
    do(run)
    run.wait(300)
    return run


# -- disks


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A mount that is gone afterwards."""
    subprocess.run(["mount", *options, str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def on_full_disk(project: Path, free: int) -> warm.Run:
    """A run in a project on a disk of 64 MB of which so many kilobytes are free."""
    beside = project.with_name("beside")
    shutil.copytree(project, beside)
    with mounted(project, "-t", "tmpfs", "-o", "size=64m", "tmpfs"):
        shutil.copytree(beside, project, dirs_exist_ok=True)
        shutil.rmtree(beside)
        space = os.statvfs(project)
        filler = b"x" * (space.f_bavail * space.f_frsize - free * 1024)
        (project / "filler").write_bytes(filler)
        run = ended(project, shown_in=project.with_name("shown.txt"))
        (project / "filler").unlink()
        shutil.copytree(project, beside)
    shutil.rmtree(project)
    beside.rename(project)
    return run


for kilobytes in (0, 32, 64, 128):
    fault(f"disk full, {kilobytes} kB free", "a tmpfs that is filled up to there", harmless=None)(
        lambda project, free=kilobytes: on_full_disk(project, free)  # type: ignore[misc]
    )


@fault("data/ read-only", "a read-only bind mount")
def data_read_only(project: Path) -> warm.Run:
    with mounted(project / "data", "-o", "bind,ro", str(project / "data")):
        return ended(project)


@fault("mlruns/ read-only", "a read-only bind mount")
def store_read_only(project: Path) -> warm.Run:
    with mounted(project / "mlruns", "-o", "bind,ro", str(project / "mlruns")):
        return ended(project)


# -- MLflow's store


@fault("store lost between runs", "`mlflow.db` deleted", harmless=True)
def store_lost_before(project: Path) -> warm.Run:
    (project / "mlruns/mlflow.db").unlink()
    return ended(project)


@fault("store lost during a run", "`mlflow.db` deleted once a run is open")
def store_lost_during(project: Path) -> warm.Run:
    store = project / "mlruns/mlflow.db"
    return during(project, lambda run: store.unlink())


@fault("store is no database", "4 kB of random bytes as `mlflow.db`")
def store_of_garbage(project: Path) -> warm.Run:
    (project / "mlruns/mlflow.db").write_bytes(os.urandom(4096))
    return move_store_away(project, ended(project))


@fault("store damaged inside", "all but the first 4 kB of `mlflow.db` overwritten")
def store_damaged(project: Path) -> warm.Run:
    store = project / "mlruns/mlflow.db"
    content = store.read_bytes()
    store.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    return move_store_away(project, ended(project))


def move_store_away(project: Path, run: warm.Run) -> warm.Run:
    """As the message advises."""
    (project / "mlruns/mlflow.db").rename(project / "mlruns/damaged.db")
    return run


@contextmanager
def locked(project: Path, seconds: float) -> Iterator[None]:
    """Another process holds the store."""
    command = [sys.executable, "-c", ENDLESS, str(project / "mlruns/mlflow.db"), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.kill()


@fault("store locked for 8 s", "`BEGIN EXCLUSIVE` in another process", harmless=True)
def store_locked_for_some_time(project: Path) -> warm.Run:
    with locked(project, 8):
        return ended(project)


@fault("store locked for ever", "`BEGIN EXCLUSIVE` in another process")
def store_locked(project: Path) -> warm.Run:
    with locked(project, 1000):
        return ended(project)


@fault("store locked for ever during a run", "the same, once a run is open")
def store_locked_during(project: Path) -> warm.Run:
    run = during_slow_bias(project)
    with locked(project, 1000):
        run.wait(300)
    return run


def during_slow_bias(project: Path) -> warm.Run:
    """A run that has an open run in MLflow, for seconds more."""
    before = len(small.statuses(project))
    run = warm.start(project, "--params", "models.bias.n_steps=20000")
    while len(small.statuses(project)) == before:
        assert run.poll() is None, run.shown
        time.sleep(0.02)
    return run


# -- memory


@fault("out of memory in one model", "`als` with 4,000,000,000 factors")
def memory(project: Path) -> warm.Run:
    before = Counter(status for _, status, _ in small.statuses(project))
    run = ended(project, "--params", "models.als.n_factors=4000000000")
    after = Counter(status for _, status, _ in small.statuses(project))
    assert after - before == Counter(FAILED=1, FINISHED=2), after
    return run


@fault("a worker is killed", "SIGKILL to a worker of ParallelRunner, as the system does")
def worker_killed(project: Path) -> warm.Run:
    def kill(run: warm.Run) -> None:
        busiest = max((s, p) for p, s in processes(run.pid).items() if p != run.pid)[1]
        os.kill(busiest, signal.SIGKILL)

    return during(project, kill, "--runner", "ParallelRunner", "--params", SLOW)


# -- signals

for number in (signal.SIGINT, signal.SIGTERM):
    for runner in RUNNERS:
        fault(f"{number.name}, {runner.rpartition('.')[2]}", "once a run is open")(
            lambda project, number=number, runner=runner: during(  # type: ignore[misc]
                project,
                lambda run: os.kill(run.pid, number),
                *("--runner", runner, "--params", SLOW),
            )
        )


def message(run: warm.Run) -> str:
    """What the run has shown as its error, in one line."""
    lines = [line.strip() for line in run.shown.splitlines() if line.strip()]
    starts = [i for i, line in enumerate(lines) if line.startswith("Error: ")]
    if starts:
        return " ".join(lines[starts[0] :]).removeprefix("Error: ")
    stopped = [line for line in lines if "stopped: " in line or "stopped  " in line]
    return re.sub(r"^[\d:]+\s+(stopped)\s+", r"\1: ", stopped[-1]) if stopped else ""


def try_one(name: str, earlier: Path, whole: Path, folder: Path) -> tuple[list[object], list[str]]:
    """A row of the table, and what is wrong with it."""
    how, function, harmless = FAULTS[name]
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(earlier, project)
    with sqlite3.connect(project / "mlruns/mlflow.db") as store:
        artifacts = (project / "mlruns/artifacts").as_uri()
        store.execute("update experiments set artifact_location = ?", [artifacts])
    store.close()
    run = function(project)
    said = message(run).replace(str(project), "…").replace(str(folder), "…")
    wrong = reading.unreadable(project)
    wrong += ["a traceback is shown"] * ("Traceback (most" in run.shown)
    wrong += ["no message"] * (run.code != 0 and not said)
    wrong += [f"exit code {run.code}"] * (harmless not in (None, run.code == 0))
    if wrong:
        print(run.shown)
    again = ended(project, "--only-missing-outputs")
    if again.code:
        wrong.append(f"the next run: {again.shown[-1000:]}")
    elif not small.leaderboard(project).equals(small.leaderboard(whole)):
        wrong.append("another leaderboard")
    left = [f"{n} left {s}" for n, s, _ in small.statuses(project) if s == "RUNNING"]
    wrong += left + [f"left {path}" for path in small.incomplete(project)]
    return [name, how, run.code, said or "none", "no" if wrong else "yes"], wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--only", help="those whose names have one of these words, by commas")
    options = parser.parse_args()
    words = options.only.split(",") if options.only else [""]
    names = [name for name in FAULTS if any(word in name for word in words)]
    warm.load()
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory(prefix="fivestar-faults-") as name:
        folder = Path(name)
        earlier, whole = (small.make(folder / each) for each in ("earlier", "whole"))
        for project, arguments in ((earlier, ["--params", OTHER]), (whole, [])):
            run = ended(project, *arguments)
            assert run.code == 0, run.shown
        for each in names:
            found[each], wrong = try_one(each, earlier, whole, folder)
            print(*found[each], *wrong, sep=" | ", flush=True)
            RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    headings = ["fault", "made by", "exit code", "message", "nothing lost"]
    told = machine.told(machine.describe())
    section.write(
        "faults.py",
        f"Each made for real, by `python benchmarks/robustness/faults.py`\n({told}).\n\n"
        f"{section.table(headings, [found[each] for each in FAULTS if each in found])}",
    )


if __name__ == "__main__":
    main()
