"""A step of full-batch gradient descent beside that of a notebook, with dense matrices in numpy.

    python benchmarks/gradient_descent.py [--factors 32] [--steps 200] [--threads 2] [--quick]
        [--large 20000000]

Both start from the same factors and go down the same mean squared error of R - A F at the same
rate, without biases, penalty or momentum, and both find the RMSE at every step: 100,000 synthetic
ratings in whole stars, 943 users and 1,682 items, as MovieLens 100K has. Times are the least of
several turns; of ours, that of a fit less that of one without a step. The notebook computes in
float64, and is also timed in float32; its trajectory is the one in float64. ``--large`` gives
seconds a step and peak memory with as many ratings, in a process of its own. ``--quick`` takes 20
steps and one turn.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.synthetic import generate
from benchmarks.timing.machine import describe, n_cores, told
from benchmarks.timing.processes import Task, run
from fivestar.models import History, Model, build
from fivestar.ratings import Scale, csr_matrix

N_RATINGS = 100_000
SCALE = Scale(1, 5)
NAIVE = {
    "family": "gradient_descent",
    "optimizer": "sgd",
    "learning_rate": 25,
    "momentum": 0,
    "stopping": None,
    "measure_every": 1,
    "biases": False,
    "init_scale": 0.3,
    "regularization": 0,
    "clamp": False,
    "bias_fallback": False,
}
TIME_LIMIT = 280
"""Seconds that the large one may take."""
Factors = tuple[NDArray[Any], NDArray[Any]]


def measure(
    *, factors: int = 32, steps: int = 200, threads: int = 1, turns: int = 3
) -> dict[str, float]:
    """Milliseconds a step, their ratios, and the greatest differences of the trajectories."""
    users, items, values, shape = generate(N_RATINGS)
    train = csr_matrix(users, items, np.clip(np.rint(values), SCALE.lowest, SCALE.highest), shape)
    settings = NAIVE | {"n_factors": factors}
    os.environ["OMP_NUM_THREADS"] = str(threads)
    start, _ = fit(train, settings, 0)
    first = start.user_factors, start.item_factors.T
    model, history = fit(train, settings, steps)
    found = {"load": os.getloadavg()[0]}
    still = least(lambda: fit(train, settings, 0), turns)
    found["ours"] = (least(lambda: fit(train, settings, steps), turns) - still) / steps
    with threadpool_limits(threads, user_api="blas"):
        for name, dtype in (("float64", np.float64), ("float32", np.float32)):
            seconds = least(lambda kind=dtype: descend(train, first, kind, steps), turns)
            found[name] = seconds / steps
        (A, F), errors = descend(train, first, np.float64, steps)
    of_factors = np.abs(model.user_factors - A).max(), np.abs(model.item_factors - F.T).max()
    for name in ("float64", "float32"):
        found[f"ratio_{name}"] = found["ours"] / found[name]
    found["difference_rmse"] = float(np.abs(np.array(history.train_rmse) - errors).max())
    found["difference_factors"] = float(max(of_factors))
    return found


def fit(train: sparse.csr_array, settings: dict[str, Any], steps: int) -> tuple[Model, History]:
    model = build({**settings, "n_steps": steps})
    return model, model.fit(train, scale=SCALE)


def descend(
    train: sparse.csr_array, first: Factors, dtype: DTypeLike, steps: int
) -> tuple[Factors, list[float]]:
    """The notebook: R ~ A F, and the RMSE before each step and after the last one."""
    R = train.toarray().astype(dtype)
    mask = (R != 0).astype(dtype)
    A, F = (each.astype(dtype) for each in first)
    rate = R.dtype.type(2 * NAIVE["learning_rate"] / train.nnz)  # type: ignore[operator]
    errors = []
    for _ in range(steps):
        E = mask * (R - A @ F)
        errors.append(float(np.sqrt(np.sum(E**2) / train.nnz)))
        A, F = A + rate * (E @ F.T), F + rate * (A.T @ E)
    errors.append(float(np.sqrt(np.sum((mask * (R - A @ F)) ** 2) / train.nnz)))
    return (A, F), errors


def least(call: Callable[[], object], turns: int) -> float:
    """Seconds of the fastest turn."""
    seconds = []
    for _ in range(turns):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--factors", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=n_cores())
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", type=int, metavar="RATINGS")
    options = parser.parse_args()
    steps, turns = (20, 1) if options.quick else (options.steps, 3)
    given = {"factors": options.factors, "threads": options.threads}
    found = measure(**given, steps=steps, turns=turns)
    print(told(describe()))
    print(
        f"load {found['load']:.1f}, {options.threads} threads, {options.factors} factors, ", end=""
    )
    print(f"{steps} steps")
    for name in ("ours", "float64", "float32"):
        label = name if name == "ours" else f"dense, {name}"
        ratio = "" if name == "ours" else f"  ours / dense {found[f'ratio_{name}']:.3f}"
        print(f"{label:16s}{1000 * found[name]:8.2f} ms a step{ratio}")
    print(f"greatest difference: RMSE {found['difference_rmse']:.1e}, ", end="")
    print(f"factors {found['difference_factors']:.1e}")
    if options.large:
        task = Task("gradient_descent", options.large, options.factors, options.threads)
        report = run(task, TIME_LIMIT)
        if "failed" in report:
            sys.exit(f"{options.large:,} ratings: {report['failed']}")
        print(f"{options.large:,} ratings: {report['sweep']:.2f} s a step, ", end="")
        print(f"{report['peak_memory']:.2f} GB, of which {report['input_memory']:.2f} before")


if __name__ == "__main__":
    main()
