"""An epoch of the autoencoder beside one of AutoRec as dense matrices, in torch.

    python benchmarks/autoencoder.py [--ratings 20000000] [--direction item] [--hidden 500]
        [--fraction 0.05] [--epochs 2] [--threads 2] [--quick]

Both see the same synthetic ratings, of as many users and items as MovieLens of that size, in
minibatches of the same rows in random order, with the same hidden units, by Adam with the same
learning rate and penalty, each in a process of its own. The dense one is plain AutoRec (one input
matrix, no dropout, no moving average), and has a fraction of its minibatches timed, after one
that is not. Ours is timed with all that ``fit`` does between two epochs: the codes of all rows,
the RMSE on train and validation, and the copy of the best weights. ``--quick`` takes 100,000
ratings. Peak memory is that of the process, libraries and ratings included.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.timing.child import peak_memory
from benchmarks.timing.contenders import ROOT
from benchmarks.timing.machine import describe, told
from benchmarks.timing.processes import data_file, environment
from fivestar.models import build
from fivestar.ratings import Scale, csr_matrix

QUICK = 100_000
SCALE = Scale(0.5, 5)
NAMES = {"ours": "autoencoder", "dense": "dense AutoRec"}


def measure(
    n_ratings: int,
    *,
    direction: str = "item",
    hidden: int = 500,
    fraction: float = 0.05,
    epochs: int = 2,
    threads: int = 1,
) -> dict[str, Any]:
    """Seconds of an epoch and peak memory in GB of both, by name, and the ratio of the seconds."""
    task = {"direction": direction, "hidden": hidden, "fraction": fraction, "epochs": epochs}
    task |= {"data": str(data_file(n_ratings)), "threads": threads}
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    for name in NAMES:
        command = [sys.executable, "-m", "benchmarks.autoencoder", "--child", name]
        done = subprocess.run(
            [*command, json.dumps(task)],
            cwd=ROOT,
            env=environment(threads),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found[name] = json.loads(done.stdout.splitlines()[-1])
    return found | {"ratio": found["ours"]["epoch"] / found["dense"]["epoch"]}


def of_ours(task: dict[str, Any], train: sparse.csr_array, validation: sparse.csr_array) -> float:
    """Median seconds from one measurement to the next."""
    settings = {"family": "autoencoder", "direction": task["direction"], "hidden": [task["hidden"]]}
    settings |= {"stopping": None, "bias_fallback": False}
    build({**settings, "n_steps": 1}).fit(train[:50], validation[:50], scale=SCALE)  # compiles
    clock = []
    build({**settings, "n_steps": 1 + task["epochs"]}).fit(
        train,
        validation,
        scale=SCALE,
        report=lambda share, error: clock.append(time.perf_counter()),
    )
    return float(np.median(np.diff(clock)))


def of_dense(task: dict[str, Any], train: sparse.csr_array) -> tuple[float, int]:
    """Seconds of an epoch, by those of some minibatches, and how many these were."""
    ours = build({"family": "autoencoder"})
    rows = train if task["direction"] == "user" else train.T.tocsr()
    (n_rows, width), size = rows.shape, ours.batch_size
    net = nn.Sequential(
        nn.Linear(width, task["hidden"]), nn.Sigmoid(), nn.Linear(task["hidden"], width)
    )
    shrunk, free = ([w for w in net.parameters() if w.ndim == n] for n in (2, 1))
    groups = [{"params": shrunk, "weight_decay": 2 * ours.l2}, {"params": free}]
    adam = torch.optim.Adam(groups, ours.learning_rate, fused=True)
    mean = float(train.data.mean())
    batches = torch.split(torch.randperm(n_rows, generator=torch.Generator().manual_seed(0)), size)
    timed = max(1, round(task["fraction"] * len(batches)))
    for number, batch in enumerate(batches[: timed + 1]):
        if number == 1:
            start = time.perf_counter()
        ratings = torch.from_numpy(rows[batch.numpy()].toarray())
        mask = (ratings != 0).float()
        given = (ratings - mean) * mask
        adam.zero_grad()
        loss = ((net(given) - given) * mask).square().sum() / mask.sum()
        torch.autograd.backward(loss)
        adam.step()
    return (time.perf_counter() - start) / min(timed, len(batches) - 1) * len(batches), timed


def child(name: str, task: dict[str, Any]) -> dict[str, Any]:
    torch.set_num_threads(task["threads"])
    arrays = np.load(task["data"])
    shape = tuple(arrays["shape"].tolist())
    train = sparse.csr_array((arrays["ratings"], arrays["items"], arrays["starts"]), shape=shape)
    if name == "dense":
        epoch, timed = of_dense(task, train)
        return {"epoch": epoch, "timed": timed, "peak_memory": peak_memory()}
    held_out = (arrays[f"held_out_{each}"] for each in ("users", "items", "ratings"))
    epoch = of_ours(task, train, csr_matrix(*held_out, shape))
    return {"epoch": epoch, "peak_memory": peak_memory()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--direction", choices=["item", "user"], default="item")
    parser.add_argument("--hidden", type=int, default=500)
    parser.add_argument("--fraction", type=float, default=0.05, help="of the dense minibatches")
    parser.add_argument("--epochs", type=int, default=2, help="of ours, after the first one")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = vars(parser.parse_args())
    if options["child"]:
        print(json.dumps(child(options["child"][0], json.loads(options["child"][1]))))
        return
    del options["child"]
    if options.pop("quick"):
        options |= {"ratings": QUICK, "fraction": 1.0}
    found = measure(options.pop("ratings"), **options)
    print(told(describe()))
    print(
        f"load {found['load']:.1f}, {options['threads']} threads, {options['direction']}, ", end=""
    )
    print(f"{options['hidden']} units, dense: {found['dense']['timed']} minibatches timed")
    print(f"{'':16s}{'epoch s':>10s}{'peak GB':>10s}")
    for name, label in NAMES.items():
        print(f"{label:16s}{found[name]['epoch']:10.2f}{found[name]['peak_memory']:10.2f}")
    print(f"ratio {found['ratio']:.3f}")


if __name__ == "__main__":
    main()
