"""Runs and writers side by side: is anything lost? Same seed: are the figures the same?

    python benchmarks/robustness/concurrency.py [--writers | --figures] [--zoo]

Four runs at once on four folds of small data (``small.py``), compared with the same runs one
after the other; eight processes that write to one MLflow store at once; and the models of the
default line-up (``--zoo``: all models) trained on the demo under every runner, with other numbers
of threads, and again: their predictions are compared to the last digit. Writes its sections of
docs/faults.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.robustness import section, small, warm
from benchmarks.robustness.kills import RUNNERS
from benchmarks.timing import machine

FOLDS = (1, 2, 3, 4)
WRITERS, RUNS_EACH, METRICS_EACH = 8, 5, 200
WAYS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    **{f"`{r.rpartition('.')[2]}`": (r, {}, {}) for r in RUNNERS},
    "again": ("SequentialRunner", {}, {}),
    **{
        f"own threads: {n}": ("SequentialRunner", {"OMP_NUM_THREADS": str(n)}, {})
        for n in (1, 2, 4)
    },
    "threads of numpy and torch: 2": ("SequentialRunner", {}, {"threads_per_node": 2}),
}
"""Runner, environment and parameters of each way to run."""


def folds(project: Path) -> None:
    """Four published folds of the small data, in the environment ``ml-100k``."""
    demo = project / "data/01_raw/demo"
    raw = project / "data/01_raw/ml-100k"
    raw.mkdir()
    ratings = pd.read_csv(demo / "ml-100k.inter", sep="\t")
    fold = np.random.default_rng(0).permutation(len(ratings)) % len(FOLDS) + 1
    for n in FOLDS:
        for name, rows in (("base", fold != n), ("test", fold == n)):
            ratings[rows].to_csv(raw / f"u{n}.{name}", sep="\t", header=False, index=False)
    users = pd.read_csv(demo / "ml-100k.user", sep="\t", dtype=str)
    users.to_csv(raw / "u.user", sep="|", header=False, index=False)
    items = pd.read_csv(demo / "ml-100k.item", sep="\t", dtype=str)
    items = pd.DataFrame({"id": items.iloc[:, 0], "title": items.iloc[:, 1], "date": "01-Jan-1995"})
    items[["video", "url"]] = ""
    items[[f"genre {n}" for n in range(19)]] = "0"
    items["genre 8"] = "1"
    items.to_csv(raw / "u.item", sep="|", header=False, index=False)


def four_runs(folder: Path) -> list[object]:
    """A row: four folds at once against one after the other."""
    found = []
    for name, at_once in (("at-once", True), ("in-turn", False)):
        project = small.make(folder / name, env="ml-100k")
        folds(project)
        runs = []
        for n in FOLDS:
            arguments = ["--env", "ml-100k", "--params", f"fold={n}"]
            runs.append(warm.start(project, *arguments, shown_in=folder / f"{name}-{n}.txt"))
            if not at_once:
                runs[-1].wait()
        assert [run.wait() for run in runs] == [0] * len(FOLDS), [run.shown for run in runs]
        boards = [small.leaderboard(project, f"ml-100k/fold-{n}") for n in FOLDS]
        found.append((boards, sorted(small.statuses(project))))
    same = all(a.equals(b) for a, b in zip(found[0][0], found[1][0], strict=True))
    assert found[0][1] == found[1][1], found
    n = len(found[0][1])
    wanted = len(FOLDS) * len(small.MODELS)
    return [
        "four runs at once on four folds",
        f"{n} of {wanted} MLflow runs, all FINISHED with all metrics"
        if {s for _, s, _ in found[0][1]} == {"FINISHED"} and n == wanted
        else str(found[0][1]),
        "the same four leaderboards as one after the other" if same else "OTHER leaderboards",
    ]


def write_runs(project: Path, writer: int) -> None:
    """What one of the writers does."""
    from mlflow.entities import Metric, Param

    from fivestar.hooks.store import open_store

    client, experiment = open_store(project)
    for n in range(RUNS_EACH):
        run = client.create_run(experiment, run_name=f"{writer}-{n}").info.run_id
        client.log_batch(run, params=[Param(f"p{i}", str(i)) for i in range(20)])
        for half in (range(METRICS_EACH // 2), range(METRICS_EACH // 2, METRICS_EACH)):
            client.log_batch(run, metrics=[Metric("curve", i / 7, 0, i) for i in half])
        client.set_terminated(run)


def eight_writers(folder: Path, *, store: bool) -> list[object]:
    """A row: processes that write at once, into a store that is there or made at that moment."""
    project = small.make(folder / "writers", store=store)
    started = []
    for writer in range(WRITERS):
        if pid := os.fork():
            started.append(pid)
            continue
        code = 1
        try:
            write_runs(project, writer)
            code = 0
        finally:
            os._exit(code)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in started]
    with closing(sqlite3.connect(project / "mlruns/mlflow.db")) as opened:
        (runs,) = opened.execute("select count(*) from runs where status='FINISHED'").fetchone()
        (metrics,) = opened.execute("select count(*) from metrics").fetchone()
    return [
        f"{WRITERS} writers at once, the store {'there' if store else 'made by the first'}",
        f"{runs} of {WRITERS * RUNS_EACH} runs, "
        f"{metrics:,} of {WRITERS * RUNS_EACH * METRICS_EACH:,} metrics",
        "no writer failed" if not any(codes) else f"{sum(map(bool, codes))} FAILED",
    ]


def predictions(folder: Path, line_up: list[str], way: str) -> dict[str, pd.Series]:
    """Of every model on the demo, with its own settings, after a run in one way."""
    runner, variables, parameters = WAYS[way]
    project = small.make(folder / "figures")
    shutil.rmtree(project / "data/01_raw/demo")
    shutil.copytree(small.ROOT / "data/01_raw/demo", project / "data/01_raw/demo")
    chosen = {"line_up": line_up, **parameters}
    (project / "conf/demo/parameters_quick.yml").write_text(yaml.safe_dump(chosen))
    run = warm.start(project, "--runner", runner, **variables)
    assert run.wait() == 0, run.shown
    return {
        model: pd.read_parquet(project / f"data/07_model_output/demo/{model}/predictions.parquet")[
            "prediction"
        ]
        for model in line_up
    }


def figures(folder: Path, line_up: list[str]) -> str:
    """A table: the largest difference of a prediction to that of the sequential run."""
    ways = list(WAYS)
    first = predictions(folder, line_up, ways[0])
    rows: dict[str, list[object]] = {model: [f"`{model}`"] for model in line_up}
    for way in ways[1:]:
        found = predictions(folder, line_up, way)
        for model, row in rows.items():
            most = float((found[model] - first[model]).abs().max())
            row.append("0" if most == 0 else f"{most:.1e}")
        print(way, {model: row[-1] for model, row in rows.items()}, flush=True)
    return f"""
By `python benchmarks/robustness/concurrency.py{" --zoo" * (len(line_up) > 7)} --figures`
({machine.told(machine.describe())}),
on MovieLens 100K: the largest difference of any prediction, in stars, to that of the same seed
under `SequentialRunner`. 0 is equal to the last digit.

{section.table(["model", *ways[1:]], rows.values())}
"""


def side_by_side(folder: Path) -> str:
    """A table: four runs at once, and eight writers."""
    rows = [four_runs(folder), *(eight_writers(folder, store=store) for store in (True, False))]
    print(*rows, sep="\n", flush=True)
    return f"""
By `python benchmarks/robustness/concurrency.py --writers`
({machine.told(machine.describe())}).

{section.table(["tried", "found", "and"], rows)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--writers", action="store_true", help="runs and writers side by side only")
    parser.add_argument("--figures", action="store_true", help="whether figures are the same only")
    parser.add_argument("--zoo", action="store_true", help="all models, not the line-up only")
    options = parser.parse_args()
    base = yaml.safe_load((small.ROOT / "conf/base/parameters_models.yml").read_text())
    line_up = list(base["models"]) if options.zoo else base["line_up"]
    warm.load()
    with tempfile.TemporaryDirectory(prefix="fivestar-concurrency-") as name:
        folder = Path(name)
        if not options.figures:
            section.write("concurrency.py --writers", side_by_side(folder))
        if not options.writers:
            section.write("concurrency.py --figures", figures(folder, line_up))


if __name__ == "__main__":
    main()
