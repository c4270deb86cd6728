"""From a CSV of ratings to a submission: seconds and peak memory of one `kedro run`.

    python benchmarks/synthetic.py 20000000 --csv data/01_raw/ml-20m
    python benchmarks/data_path.py [--env ml-20m] [--model als] [--keep]

The first command makes ratings once, unless the real ones are there. The second runs the first two
stages in a process of its own, then the default pipeline with one model, and prints wall time,
processor time and peak memory of each, and what changed since the latest run that was kept.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.timing import history, machine
from benchmarks.timing.contenders import ROOT

STAGES = {"CSV to matrices": "ingestion,splitting", "CSV to submission": "__default__"}
"""What is timed, by the pipelines that do it."""


def measure(environment: str, model: str, pipelines: str) -> tuple[float, float, float]:
    """Seconds on the wall and of processor, and peak memory in GB, of one run."""
    command = [sys.executable, "-m", "kedro", "run", "--runner", "ThreadRunner"]
    command += ["--env", environment, "--pipelines", pipelines, "--params", f"line_up=[{model}]"]
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended by {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--env", default="ml-20m", help="whose ratings are read")
    parser.add_argument("--model", default="als", help="the one of the line-up")
    parser.add_argument("--keep", action="store_true", help="add to the history")
    options = parser.parse_args()
    figures = {}
    print(f"{options.env} on {machine.n_cores()} cores, line_up: [{options.model}]")
    print(f"{'':20s}{'wall s':>8s}{'cpu s':>8s}{'GB':>7s}")
    for name, pipelines in STAGES.items():
        wall, cpu, peak = measure(options.env, options.model, pipelines)
        print(f"{name:20s}{wall:8.1f}{cpu:8.1f}{peak:7.2f}")
        figures[f"data_path/{name}/wall"] = history.figure([wall], "s")
        figures[f"data_path/{name}/memory"] = history.figure([peak], "GB")
    command = f"data_path --env {options.env} --model {options.model}"
    history.tell(machine.record(command, figures), keep=options.keep)


if __name__ == "__main__":
    main()
