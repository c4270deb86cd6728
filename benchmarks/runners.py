"""How much faster the models train side by side: each Kedro runner against the sequential one.

    python benchmarks/runners.py [--quick] [--keep] [--cores 0,1] [--repeats 3]

Runs the ``training`` pipeline of the default environment under each runner, in turns, as
whole processes pinned to the given cores, and prints wall time, processor time, peak memory
and the ratio of wall times to the sequential run of the same turn, then what changed since the
latest run that was kept. Needs `make run` before.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.timing import history, machine

RUNNERS = ("SequentialRunner", "ThreadRunner", "ParallelRunner")


@dataclass
class Measured:
    """One process: seconds on the wall, seconds of processor, peak memory of the largest in MB."""

    wall: float
    cpu: float
    peak: float


def measure(runner: str, cores: set[int], quick: bool) -> Measured:
    """Run the training pipeline once."""
    command = [sys.executable, "-m", "kedro", "run", "--pipelines", "training", "--runner", runner]
    if quick:
        command += ["--namespaces", "item_mean,bias,als,gradient_descent"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(wall, cpu, after.ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="four quick models, one turn")
    parser.add_argument("--keep", action="store_true", help="add to the history")
    parser.add_argument("--cores", default="0,1", help="processors to use")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    cores = {int(core) for core in options.cores.split(",")} & os.sched_getaffinity(0)

    results: dict[str, list[Measured]] = {runner: [] for runner in RUNNERS}
    for _ in range(1 if options.quick else options.repeats):
        for runner in RUNNERS:
            results[runner].append(measure(runner, cores, options.quick))

    print(f"training pipeline on {len(cores)} core(s), median of {len(results[RUNNERS[0]])}")
    figures = {}
    print(f"{'runner':18s}{'wall s':>8s}{'cpu s':>8s}{'MB':>7s}{'times as fast':>15s}")
    for runner, runs in results.items():
        pairs = zip(results[RUNNERS[0]], runs, strict=True)
        ratios = [run.wall / sequential.wall for sequential, run in pairs]
        gain = statistics.median(1 / ratio for ratio in ratios)
        figures[f"runners/{runner}/wall"] = history.figure([run.wall for run in runs], "s")
        figures[f"runners/{runner} : sequential"] = history.figure(ratios, "ratio")
        wall, cpu, peak = (
            statistics.median(getattr(run, name) for run in runs)
            for name in ("wall", "cpu", "peak")
        )
        print(f"{runner:18s}{wall:8.1f}{cpu:8.1f}{peak:7.0f}{gain:15.2f}")
    command = f"runners on {len(cores)} cores" + " --quick" * options.quick
    history.tell(machine.record(command, figures), keep=options.keep)


if __name__ == "__main__":
    main()
