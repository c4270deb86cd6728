"""How long the default run takes from nothing, and again with nothing to do.

    python benchmarks/start_up.py [--repeats 5] [--compiled]

Copies the project with the demo's ratings to a temporary folder and runs there what `make run`
does, then the same with `--only-missing-outputs`, whole processes all. With
``--compiled`` numba's compiled functions are copied too, as a second run finds them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPIED = ("conf", "src", "pyproject.toml", ".telemetry", "data/01_raw/demo")
COMMAND = [sys.executable, "-m", "kedro", "run", "--runner", "fivestar.runner.LongestFirst"]


def copy_project(folder: Path, *, compiled: bool) -> None:
    """Without outputs and, unless wanted, without what numba has compiled."""
    left_out = shutil.ignore_patterns("local", *(() if compiled else ("*.nbi", "*.nbc")))
    for name in COPIED:
        here, there = ROOT / name, folder / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, there, ignore=left_out)
        else:
            shutil.copy2(here, there)


def seconds(folder: Path, *options: str) -> float:
    """Of one whole process."""
    start = time.perf_counter()
    subprocess.run(
        [*COMMAND, *options],
        check=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--repeats", type=int, default=5, help="runs with nothing to do")
    parser.add_argument("--compiled", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        copy_project(folder, compiled=options.compiled)
        whole = seconds(folder)
        again = [seconds(folder, "--only-missing-outputs") for _ in range(options.repeats)]
    print(f"{os.cpu_count()} cores, load before {load:.1f}")
    print(f"default run          {whole:6.1f} s")
    print(
        f"with nothing to do   {statistics.median(again):6.2f} s, the median of {len(again)} "
        f"({min(again):.2f} to {max(again):.2f})"
    )


if __name__ == "__main__":
    main()
