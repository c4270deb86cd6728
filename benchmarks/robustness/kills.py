"""``kill -9`` at random moments of a run, then ``--only-missing-outputs``: is anything lost?

    python benchmarks/robustness/kills.py [--kills 100] [--seconds 240] [--lanes 2] [--fresh]

Each kill has a project of its own (``small.py``: three models on 1,224 ratings), and a process
forked from one in which the libraries are loaded, so that no kill is spent on imports. A quarter
starts without MLflow's store, whose making is killed too; half starts over outputs of other
settings; half kills the whole process group, half the parent alone. Moments are random, one in
each equal part of the run's processor time, so other load of the machine does not shift them.
The command goes on where an earlier call has stopped, and writes its section of docs/faults.md.
Needs Linux (``/proc``).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.robustness import reading, section, small, warm
from benchmarks.timing import machine

RUNNERS = ("SequentialRunner", "ThreadRunner", "ParallelRunner", "fivestar.runner.LongestFirst")
RESULTS = small.ROOT / "benchmarks/results/kills.json"
SEED = 12
POLL = 0.01
"""Seconds between two looks at the processor time of a run."""
ALONE = 15.0
"""Seconds in which workers have to end after their parent was killed."""


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes
    ----------
    share : of the processor time of a whole run, at which it is killed
    store : whether there is a store at the start
    earlier : whether there are outputs of other settings at the start
    group : whether all processes are killed, or the parent alone
    """

    number: int
    runner: str
    share: float
    store: bool
    earlier: bool
    group: bool


def plan(n: int) -> list[Kill]:
    """The kills, in turns over the runners; each runner's are spread over the whole run."""
    rng = random.Random(SEED)
    shares: dict[str, list[float]] = {}
    for i, runner in enumerate(RUNNERS):
        of_runner = len(range(i, n, len(RUNNERS)))
        shares[runner] = [(k + rng.random()) / of_runner for k in range(of_runner)]
        rng.shuffle(shares[runner])
    kills = []
    for number in range(n):
        turn, i = divmod(number, len(RUNNERS))
        runner = RUNNERS[i]
        kills.append(
            Kill(
                number,
                runner,
                shares[runner][turn],
                store=turn % 4 != 3,
                earlier=turn % 2 == 0,
                group=(turn // 2) % 2 == 0,
            )
        )
    return kills


def processes(session: int) -> dict[int, float]:
    """Processor seconds of every living process of a session, with those of ended children."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found[int(stat.parent.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return found


def earlier(folder: Path) -> Path:
    """A project that has outputs of other settings, all of which a default run replaces."""
    project = folder / "earlier"
    if not (project / "seconds.txt").exists():
        whole_run(small.make(project), "--params", "splitting.seed=7,models.als.n_steps=3")
    return project


def undisturbed(folder: Path, runner: str, store: bool) -> tuple[Path, float]:
    """A project after a whole run, and the processor seconds that it took."""
    project = folder / f"whole-{runner}-{store}"
    if not (project / "seconds.txt").exists():
        whole_run(small.make(project, store=store), "--runner", runner)
    return project, float((project / "seconds.txt").read_text())


def whole_run(project: Path, *arguments: str) -> None:
    """Run to the end, and write down the processor seconds."""
    run, seconds = warm.start(project, *arguments), 0.0
    while run.poll() is None:
        seconds = max(seconds, sum(processes(run.pid).values()))
        time.sleep(POLL)
    assert run.code == 0, run.shown
    (project / "seconds.txt").write_text(str(seconds))


def try_one(kill: Kill, folder: Path) -> dict[str, object]:
    """Kill a run, look at what it left, run again, and compare with the undisturbed run."""
    whole, _ = undisturbed(folder, RUNNERS[0], True)
    project, run = folder / f"kill-{kill.number}", None
    while run is None:
        small.make(project, store=kill.store)
        if kill.earlier:
            shutil.copytree(earlier(folder) / "data", project / "data", dirs_exist_ok=True)
        run = killed(kill, project, undisturbed(folder, kill.runner, kill.store)[1])
        kill = replace(kill, share=kill.share * 0.95)  # it had ended before
    survivors = workers_left(run.pid)
    outcome: dict[str, object] = {
        **asdict(kill),
        "lines_shown": run.shown.count("\n"),
        "survivors": survivors,
        "store_there": (project / "mlruns/mlflow.db").exists(),
        "incomplete": len(small.incomplete(project)),
        "unreadable": reading.unreadable(project),
    }
    if outcome["store_there"]:
        outcome["running"] = [s for _, s, _ in small.statuses(project)].count("RUNNING")
    again = warm.start(project, "--only-missing-outputs", "--runner", kill.runner)
    again.wait()
    runs = small.statuses(project) if (project / "mlruns/mlflow.db").exists() else []
    finished = {name for name, status, n in runs if status == "FINISHED" and n}
    outcome |= {
        "code": again.code,
        "said": again.shown[-2000:] if again.code else "",
        "same": again.code == 0 and same(project, whole),
        "unreadable_after": reading.unreadable(project),
        "running_after": [status for _, status, _ in runs].count("RUNNING"),
        "lost": sorted(set(small.MODELS) - finished),
        "incomplete_after": [str(p.relative_to(project)) for p in small.incomplete(project)],
        "temporary": sorted(path.name.split("-")[0] for path in (project / "tmp").iterdir()),
    }
    shutil.rmtree(project)
    return outcome


def killed(kill: Kill, project: Path, seconds: float) -> warm.Run | None:
    """The run, killed at its moment; None where it ended before."""
    run = warm.start(project, "--runner", kill.runner)
    while sum(processes(run.pid).values()) < kill.share * seconds:
        if run.poll() is not None:
            return None
        time.sleep(POLL)
    if kill.group:
        os.killpg(run.pid, signal.SIGKILL)
    else:
        os.kill(run.pid, signal.SIGKILL)
    return run if run.wait() == -signal.SIGKILL else None


def workers_left(session: int) -> int:
    """Processes that outlive the killed one; they are ended so that the machine is left clean."""
    until = time.monotonic() + ALONE
    while (left := processes(session)) and time.monotonic() < until:
        time.sleep(POLL)
    for process in left:
        os.kill(process, signal.SIGKILL)
    return len(left)


def same(project: Path, whole: Path) -> bool:
    """Whether leaderboard (but for seconds), differences and submission are those of the other."""
    files = ("data/08_reporting/demo/differences.csv", "data/07_model_output/demo/submission.csv")
    return small.leaderboard(project).equals(small.leaderboard(whole)) and all(
        (project / file).read_bytes() == (whole / file).read_bytes() for file in files
    )


def lanes(kills: list[Kill], n: int, folder: Path, until: float) -> list[dict[str, object]]:
    """The kills one after the other in each of ``n`` processes, as many as there is time for."""
    for path in folder.glob("lane-*.json"):
        path.unlink()
    started = []
    for i in range(n):
        if pid := os.fork():
            started.append(pid)
            continue
        found = []
        for kill in kills[i::n]:
            if time.time() < until:
                found.append(try_one(kill, folder))
                (folder / f"lane-{i}.json").write_text(json.dumps(found))
        os._exit(0)
    for pid in started:
        os.waitpid(pid, 0)
    return [each for path in folder.glob("lane-*.json") for each in json.loads(path.read_text())]


def good(outcome: dict[str, object]) -> bool:
    """Whether nothing was lost, half, or left."""
    bad = ("unreadable", "unreadable_after", "running_after", "lost", "incomplete_after")
    return bool(outcome["same"]) and not any(outcome[name] for name in (*bad, "survivors"))


def page(outcomes: list[dict[str, object]]) -> str:
    """The section of the page."""

    def row(name: str, some: list[dict[str, object]]) -> list[object]:
        def count(test: str) -> int:
            return sum(bool(each.get(test)) for each in some)

        return [
            name,
            len(some),
            sum(not each["group"] for each in some),
            sum(not each["store"] for each in some),
            f"{count('incomplete')} / {count('incomplete_after')}",
            f"{count('running')} / {count('running_after')}",
            count("unreadable") + count("unreadable_after"),
            count("survivors"),
            f"{count('same')} of {len(some)}",
        ]

    rows = [
        row(f"`{r.rpartition('.')[2]}`", [o for o in outcomes if o["runner"] == r]) for r in RUNNERS
    ]
    headings = [
        "runner",
        "kills",
        "parent alone",
        "without a store",
        "incomplete files, then left",
        "runs RUNNING, then left",
        "half files read",
        "workers left",
        "same leaderboard",
    ]
    bare = Counter(name for each in outcomes for name in each["temporary"])  # type: ignore[attr-defined]
    stayed = ", ".join(f"{n} times `{name}…`" for name, n in bare.most_common()) or "nothing"
    return f"""
`kill -9` at {len(outcomes)} random moments, by `python benchmarks/robustness/kills.py`
({machine.told(machine.describe())}).
Each killed run is followed by `kedro run --only-missing-outputs`. Pairs of numbers are the kills
after which there were some, and those where there still were some after that.

{section.table(headings, [*rows, row("all", outcomes)])}

In the system's folder for temporary files there stayed: {stayed}.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=3600, help="until it stops; call it again")
    parser.add_argument("--lanes", type=int, default=2, help="kills side by side")
    parser.add_argument("--folder", type=Path, help="kept, so that a next call need not prepare")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier calls found")
    options = parser.parse_args()
    outcomes = [] if options.fresh or not RESULTS.exists() else json.loads(RESULTS.read_text())
    done = {each["number"] for each in outcomes}
    left = [kill for kill in plan(options.kills) if kill.number not in done]
    until = time.time() + options.seconds
    warm.load()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="fivestar-kills-"))
    folder.mkdir(exist_ok=True)
    small.make(folder / "first")  # with the empty store that all others have a copy of
    earlier(folder)
    for runner in RUNNERS:
        for store in (True, False):
            print(runner, store, f"{undisturbed(folder, runner, store)[1]:.1f} s", flush=True)
    outcomes += lanes(left, options.lanes, folder, until)
    if options.folder is None:
        shutil.rmtree(folder)
    outcomes.sort(key=lambda each: each["number"])
    RESULTS.write_text(json.dumps(outcomes, indent=1))
    for each in outcomes:
        if not good(each):
            print(json.dumps(each, indent=1))
    print(f"{len(outcomes)} of {options.kills} kills, {sum(map(good, outcomes))} without any harm")
    section.write("kills.py", page(outcomes))


if __name__ == "__main__":
    main()
