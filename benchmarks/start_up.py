"""How long the default run takes from nothing, and again with nothing to do.

    python benchmarks/start_up.py [--repeats 5] [--compiled]

Copies the project with the demo's ratings to a temporary folder and runs there what `make run`
does, then the same with `--only-missing-outputs`, whole processes all; beside it a Kedro project
of nothing but one node that returns a number, in turns. With ``--compiled`` numba's compiled
functions are copied too, as a second run finds them.
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
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPIED = ("conf", "src", "pyproject.toml", ".telemetry", "data/01_raw/demo")
COMMAND = [sys.executable, "-m", "kedro", "run"]
OURS = [*COMMAND, "--runner", "fivestar.runner.LongestFirst"]
EMPTY = {
    "pyproject.toml": f"""
[tool.kedro]
package_name = "empty"
project_name = "empty"
kedro_init_version = "{version("kedro")}"
""",
    "conf/base/catalog.yml": "",
    "conf/local/.gitkeep": "",
    "src/empty/__init__.py": "",
    "src/empty/settings.py": "",
    "src/empty/pipeline_registry.py": """
from kedro.pipeline import Pipeline, node


def one():
    return 1


def register_pipelines():
    return {"__default__": Pipeline([node(one, None, "number")])}
""",
}
"""A Kedro project's files."""


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


def write_empty_project(folder: Path) -> None:
    for name, text in EMPTY.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def seconds(folder: Path, command: Sequence[str]) -> float:
    """Of one whole process."""
    start = time.perf_counter()
    subprocess.run(
        command,
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
        ours, empty = Path(place) / "ours", Path(place) / "empty"
        copy_project(ours, compiled=options.compiled)
        write_empty_project(empty)
        whole = seconds(ours, OURS)
        found: dict[str, list[float]] = {"with nothing to do": [], "empty Kedro project": []}
        for _ in range(options.repeats):
            found["with nothing to do"].append(seconds(ours, [*OURS, "--only-missing-outputs"]))
            found["empty Kedro project"].append(seconds(empty, COMMAND))
    print(f"{os.cpu_count()} cores, load before {load:.1f}")
    print(f"default run           {whole:6.1f} s")
    for name, each in found.items():
        print(
            f"{name:21s} {statistics.median(each):6.2f} s, the median of {len(each)} "
            f"({min(each):.2f} to {max(each):.2f})"
        )


if __name__ == "__main__":
    main()
