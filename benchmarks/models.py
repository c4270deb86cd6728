"""Every model on the published folds of MovieLens 100K; writes docs/models.md.

    python benchmarks/models.py [--models als,bias] [--folds 1,2,3,4,5] [--workers 2]

Each model and fold is a process of its own, ``kedro run`` of the model's namespace in a
temporary project, one thread each: test RMSE of the final model (refitted on the whole base
part), seconds of the first fit, and peak memory of the process. Needs the files of
``make data NAME=ml-100k``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from fivestar.config import name_members
from fivestar.models import uses_times

ROOT = Path(__file__).parents[1]
RAW = ROOT / "data/01_raw/ml-100k"
PAGE = ROOT / "docs/models.md"
RESULTS = ROOT / "benchmarks/results/models.json"


@dataclass
class Result:
    """One model on one fold; memory in MB."""

    model: str
    fold: int
    test_rmse: float
    validation_rmse: float
    fit_seconds: float
    peak_memory: float
    n_parameters: int


def make_project(folder: Path) -> Path:
    """The configuration, the raw data, and nothing else."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, folder)
    (folder / "src").mkdir()
    (folder / "data/01_raw").mkdir(parents=True)
    (folder / "data/01_raw/ml-100k").symlink_to(RAW.resolve())
    return folder


def kedro_run(project: Path, fold: int, *arguments: str) -> float:
    """Run in the project; the peak memory of that process in MB."""
    command = [sys.executable, "-m", "kedro", "run", "--env", "ml-100k", *arguments]
    process = subprocess.Popen(
        [*command, "--params", f"fold={fold}"],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    message = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {message[-2000:]}")
    return usage.ru_maxrss / 1024


def measure(split: Path, model: str, fold: int) -> Result:
    """In a copy of the project that has the split: one run at a time writes in one place."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(shutil.copytree(split, Path(folder) / "project", symlinks=True))
        memory = kedro_run(project, fold, "--pipelines", "zoo", "--namespaces", model)
        place = project / f"data/08_reporting/ml-100k/fold-{fold}"
        metrics = json.loads((place / model / "metrics.json").read_text())
    print(f"fold {fold} {model:24s} test RMSE {metrics['test_rmse']:.4f}", flush=True)
    return Result(
        model,
        fold,
        metrics["test_rmse"],
        metrics["validation_rmse"],
        metrics["fit_seconds"],
        memory,
        metrics["n_parameters"],
    )


def measure_fold(fold: int, models: list[str], workers: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project")
        kedro_run(project, fold, "--pipelines", "ingestion,splitting")
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(lambda model: measure(project, model, fold), models))


def write_page(results: list[Result], time_aware: set[str]) -> None:
    """The table of docs/models.md, the best mean first; models that use times come last."""
    by_model: dict[str, list[Result]] = {}
    for result in results:
        by_model.setdefault(result.model, []).append(result)
    rows = []
    for model, runs in by_model.items():
        first = next((run for run in runs if run.fold == 1), runs[0])
        mean = statistics.mean(run.test_rmse for run in runs)
        seconds = statistics.median(run.fit_seconds for run in runs)
        memory = max(run.peak_memory for run in runs)
        cells = f"{first.test_rmse:.4f} | {mean:.4f} | {seconds:.1f} | {memory:.0f}"
        told = model in time_aware
        name = f"`{model}` (told the time)" if told else f"`{model}`"
        rows.append((told, mean, f"| {name} | {cells} | {first.n_parameters:,} |"))
    table = "\n".join(row for *_, row in sorted(rows))
    marker = "<!-- made by benchmarks/models.py -->"
    head, _, tail = PAGE.read_text(encoding="utf-8").partition(marker)
    _, _, tail = tail.partition(marker)
    n_folds = len({result.fold for result in results})
    PAGE.write_text(
        f"{head}{marker}\n"
        f"| model | test RMSE, fold 1 | mean of {n_folds} folds | fit s | memory MB "
        f"| free parameters |\n|---|---|---|---|---|---|\n{table}\n{marker}{tail}",
        encoding="utf-8",
    )


def main() -> None:
    known = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text())["models"]
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default=",".join(known))
    parser.add_argument("--folds", default="1,2,3,4,5")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    models = options.models.split(",")
    results: dict[tuple[str, int], Result] = {}
    if RESULTS.exists():
        for row in json.loads(RESULTS.read_text()):
            if row["model"] in known:
                results[row["model"], row["fold"]] = Result(**row)
    for fold in options.folds.split(","):
        for result in measure_fold(int(fold), models, options.workers):
            results[result.model, result.fold] = result
        RESULTS.parent.mkdir(exist_ok=True)
        rows = [vars(result) for result in results.values()]
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    name_members(known)
    time_aware = {model for model, block in known.items() if uses_times(block)}
    write_page(list(results.values()), time_aware)


if __name__ == "__main__":
    main()
