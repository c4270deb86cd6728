"""The ten best unseen items of every user: seconds, memory, and what is lost by a short look.

    python benchmarks/top_n.py als|bayesian_mf [--ratings 20000000] [--sweeps 2] [--checked 150]

Ratings are those of ``benchmarks/synthetic.py``. The model is fitted for a few sweeps only. A
Bayesian one keeps a sample of each, after half as many of burn-in, and they are repeated to as
many as it keeps by default: lists then take as long as those of a whole fit. Of some users,
``--checked``, the lists are compared with those by the predictions of all items.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.synthetic import HIGHEST, LOWEST, generate
from fivestar.analysis.blocks import predict_table, unbounded
from fivestar.analysis.top_n import best, top_n
from fivestar.models import Model, build
from fivestar.models.threads import available_threads
from fivestar.ratings import Scale, csr_matrix, observed

N = 10
SAMPLED = ("user_samples", "item_samples", "noise_roots", "cutpoints")
"""Arrays of a Bayesian model, (n, n_kept, ...), that predictions are made of."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=["als", "bayesian_mf"])
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--sweeps", type=int, default=2)
    parser.add_argument("--checked", type=int, default=150)
    asked = parser.parse_args()
    drawn = generate(asked.ratings)
    pairs = drawn.users.astype(np.intp), drawn.items.astype(np.intp)
    train = csr_matrix(*pairs, drawn.values, drawn.shape)
    del drawn, pairs
    model = build({"family": asked.family, "n_steps": asked.sweeps, **fixed(asked)})
    model.fit(train, scale=Scale(LOWEST, HIGHEST))
    if asked.family == "bayesian_mf":
        repeat_samples(model)
    users, items = np.arange(train.shape[0]), np.arange(train.shape[1])
    top_n(model, users[:N], train[:N], items, N)  # compiles
    start = time.perf_counter()
    lists = top_n(model, users, train, items, N)
    print(
        f"{asked.family}: {len(users):,} users x {len(items):,} items, "
        f"{available_threads()} threads: {time.perf_counter() - start:.1f} s, "
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB"
    )
    check(model, train, lists, asked.checked)


def fixed(asked: argparse.Namespace) -> dict[str, Any]:
    """Settings beside the number of sweeps."""
    if asked.family == "als":
        return {"stopping": None}
    return {"n_chains": 1, "n_burn_in": asked.sweeps // 2, "n_kept": asked.sweeps}


def repeat_samples(model: Any) -> None:
    """As many samples as the family keeps by default."""
    n_kept = build({"family": model.family}).settings["n_kept"]
    repeated = np.arange(n_kept) % model.n_samples
    for name in SAMPLED:
        setattr(model, name, getattr(model, name)[:, repeated])


def check(model: Model, train: Any, lists: Any, n_checked: int) -> None:
    """Compare the lists of some users with those by all predictions."""
    users = np.sort(np.random.default_rng(0).choice(len(lists), n_checked, replace=False))
    start = time.perf_counter()
    table = predict_table(unbounded(model), users, np.arange(train.shape[1]))
    seconds = time.perf_counter() - start
    rows, items, _ = observed(train[users])
    table[rows, items] = -np.inf
    own, exact = lists[users], best(table, N)
    lost = np.take_along_axis(table, exact, axis=1) - np.take_along_axis(table, own, axis=1)
    print(
        f"of {n_checked} users, all predictions of whom take {seconds:.1f} s: "
        f"{(own == exact).all(axis=1).mean():.1%} of the lists are identical, "
        f"at most {lost.max():.4f} stars are lost at any place"
    )


if __name__ == "__main__":
    main()
