"""How well the time of a fit is told by a sample: beside what the first steps on all ratings say.

    python benchmarks/expected_times.py [--ratings 20000000] [--models als,bias] [--whole]

On synthetic ratings in the shape of MovieLens 20M, with the settings of parameters_models.yml.
``--whole`` fits the models to the end instead, and tells by how many steps.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy import sparse

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.synthetic import generate
from fivestar.errors import TooSlow
from fivestar.models import build
from fivestar.models.training import ONLY_TIMED
from fivestar.pipelines import fitting
from fivestar.pipelines.training.expected_time import expected_seconds
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, csr_matrix

ROOT = Path(__file__).parents[1]
VALIDATION = 0.05
"""Share of the ratings."""


def training_data(n_ratings: int) -> TrainingData:
    users, items, ratings, shape = generate(n_ratings)
    held_out = np.random.default_rng(0).random(len(ratings)) < VALIDATION
    train, validation = (
        csr_matrix(users[part], items[part], ratings[part], shape) for part in (~held_out, held_out)
    )
    ids = Vocabulary(*(pd.Index(np.arange(size).astype(str)) for size in shape))
    none = Features(*(sparse.csr_array((size, 0), dtype=np.float32) for size in shape))
    return TrainingData(train, validation, ids, none, Scale(0.5, 5))


def seconds(name: str, block: dict[str, Any], data: TrainingData, *, whole: bool) -> float:
    """Of a fit on train, told by its first steps unless it is to be whole."""
    start = time.perf_counter()
    limit = None if whole else ONLY_TIMED
    try:
        history = fitting.fit(build(block, name), data, label=name, max_seconds=limit)
    except TooSlow as error:
        return error.seconds
    print(f"{name}: {history.ending} after step {history.best_step} of {history.steps[-1]}")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    settings = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text())
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--models", default=",".join(settings["line_up"]))
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    data = training_data(options.ratings)
    print(f"{data.train.nnz:,} ratings, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'model':26s}{'expected s':>12s}{'took s':>10s}{'ratio':>8s}{'estimate took s':>18s}")
    for name in options.models.split(","):
        block = settings["models"][name]
        start = time.perf_counter()
        expected = expected_seconds(block, data, label=name)
        passed = time.perf_counter() - start
        took = seconds(name, block, data, whole=options.whole)
        print(f"{name:26s}{expected:12.1f}{took:10.1f}{expected / took:8.2f}{passed:18.1f}")


if __name__ == "__main__":
    main()
