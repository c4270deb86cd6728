"""The defaults found again: one study a model on several data sets together; writes docs/tuning.md.

    make data NAME=ml-latest-small   # and the other data sets
    python benchmarks/defaults.py [--models als,bias] [--trials 40] [--workers 2]
                                  [--environments demo,ml-latest-small,book-crossing]

A trial fits the same settings on inner folds of the train split of every data set. Its error is
the mean of the RMSE relative to that of ``bias`` on the same ratings, so that data sets and scales
count alike. The first trial is of the present defaults. Printed and kept is what the best settings
gain, with its interval, on the validation split of each data set, which the trials have not seen.
Test is not read. A run that was ended goes on where it was (``mlruns/optuna.db``).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from fivestar.metrics import rmse
from fivestar.pipelines.tuning import study
from fivestar.pipelines.tuning.best import difference_from_defaults, gains_of
from fivestar.pipelines.tuning.inner_splits import InnerSplit, inner_splits, predict_held_out
from fivestar.pipelines.tuning.settings import TuningSettings
from fivestar.pipelines.tuning.space import search_space
from fivestar.pipelines.tuning.workers import n_cores
from fivestar.ratings import TrainingData

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/tuning.md"
RESULTS = ROOT / "benchmarks/results/defaults.json"
MARKER = "<!-- made by benchmarks/defaults.py -->"
REFERENCE = {"family": "bias"}
"""Whose RMSE all others are divided by."""


def load(environment: str) -> TrainingData:
    """The data set's split, made if need be."""
    command = [sys.executable, "-m", "kedro", "run", "--env", environment]
    pipelines = ["--pipelines", "ingestion,splitting", "--only-missing-outputs"]
    subprocess.run([*command, *pipelines], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return TrainingData.load(ROOT / "data/05_model_input" / environment)


def reference(split: InnerSplit) -> float:
    predicted, _ = predict_held_out(REFERENCE, split, label="reference")
    return rmse(split.held_out.data, predicted)


def search(
    model: str, block: dict[str, Any], data: list[TrainingData], settings: TuningSettings
) -> dict[str, Any]:
    """What the best settings of all data sets together gain over the present ones."""
    space = search_space(settings.spaces, model, block)
    splits = [split for each in data for split in inner_splits(each, settings)]
    fingerprints = "".join(each.fingerprint for each in data)
    together = hashlib.blake2b(fingerprints.encode(), digest_size=4).hexdigest()
    plan = study.Plan(
        f"{study.SQLITE}{ROOT / 'mlruns/optuna.db'}",
        f"defaults/{model}/{together}-{space.fingerprint(settings.inner_folds, settings.seed)}",
        model,
        space,
        splits,
        [reference(split) for split in splits],
        prune=False,  # what is best on the first data set need not be on the others
        seed=settings.seed,
    )
    trials = study.run(plan, settings.n_trials, settings.workers or n_cores())
    best = study.best_of(trials)
    present = next(trial for trial in trials if trial.user_attrs.get(study.PRESENT))
    assert best is not None
    found = study.block_of(best, space)
    gains = {}
    if best is not present:
        for each in data:
            gained = gains_of(each, block, found, settings, model=model)["validation"]
            gains[each.place] = [gained.fall, gained.low, gained.high]
    return {
        "model": model,
        "study": plan.name,
        "n_trials": len(trials),
        "data": [each.title for each in data],
        "present": present.value,
        "best": best.value,
        "block": difference_from_defaults(found),
        "validation_gains": gains,
    }


def write_page(results: list[dict[str, Any]]) -> None:
    """The table of docs/tuning.md."""
    rows = []
    for result in results:
        gains = [
            f"{place} {fall:+.4f} ({low:+.4f} to {high:+.4f})"
            for place, (fall, low, high) in result["validation_gains"].items()
        ]
        settings = {name: value for name, value in result["block"].items() if name != "family"}
        told = ", ".join(f"{name} {value}" for name, value in settings.items())
        rows.append(
            f"| `{result['model']}` | {result['n_trials']} | {result['present']:.5f} "
            f"| {result['best']:.5f} | {told or 'the present ones'} "
            f"| {'<br>'.join(gains) or 'none'} |"
        )
    head, _, tail = PAGE.read_text(encoding="utf-8").partition(MARKER)
    _, _, tail = tail.partition(MARKER)
    table = "\n".join(
        [
            "| model | trials | present defaults | best | best settings | gain on validation |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )
    PAGE.write_text(f"{head}{MARKER}\n{table}\n{MARKER}{tail}", encoding="utf-8")


def main() -> None:
    given = {
        name: yaml.safe_load((ROOT / f"conf/base/parameters_{name}.yml").read_text())[name]
        for name in ("models", "tuning")
    }
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default="bias,als,gradient_descent,mf_sgd")
    parser.add_argument("--environments", default="demo,ml-latest-small,book-crossing")
    parser.add_argument("--trials", type=int, default=given["tuning"]["n_trials"])
    parser.add_argument("--workers", type=int, default=None)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    changed = {"n_trials": options.trials, "workers": options.workers}
    settings = TuningSettings(**given["tuning"] | changed)
    data = [load(environment) for environment in options.environments.split(",")]
    results = {}
    if RESULTS.exists():
        results = {row["model"]: row for row in json.loads(RESULTS.read_text(encoding="utf-8"))}
    for model in options.models.split(","):
        results[model] = search(model, given["models"][model], data, settings)
        print(yaml.safe_dump({model: results[model]["block"]}, default_flow_style=None))
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(list(results.values()), indent=1) + "\n", encoding="utf-8")
        write_page(list(results.values()))


if __name__ == "__main__":
    main()
