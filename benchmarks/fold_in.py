"""How near known users come to their trained predictions when they are folded in as if new.

    kedro run --pipelines zoo        # or `make run`, for the models of the line-up
    python benchmarks/fold_in.py

Every model fitted on train folds in all users by their train ratings. Printed are, for the
validation pairs, the root mean square difference from the trained predictions, that as a share of
their spread, the RMSE of both, and the milliseconds that one user takes. Test is not read.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from scipy import sparse

from fivestar.metrics import rmse
from fivestar.models import Model
from fivestar.ratings import Features, observed

ROOT = Path(__file__).parents[1]
TIMED = 5
"""Users that are folded in one by one."""


def main() -> None:
    torch.set_num_threads(1)
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT) as session:
        catalog = session.load_context().catalog
        names = ("train_matrix", "validation_matrix", "user_features", "item_features")
        train, validation, *features = (catalog.load(name) for name in names)
        users, items, ratings = observed(validation)
        print("| model | difference | share | RMSE trained | folded in | one user, ms |")
        print("|---|---|---|---|---|---|")
        for name, model in catalog.load("fitted_models").items():
            side = Features(*features).users
            trained = model.predict(users, items)
            folded = model.fold_in(train, features=side).predict(users, items)
            difference = rmse(trained, folded)
            print(
                f"| `{name}` | {difference:.4f} | {difference / trained.std():.3f} "
                f"| {rmse(ratings, trained):.4f} | {rmse(ratings, folded):.4f} "
                f"| {1000 * seconds_for_one(model, train, side):.1f} |",
                flush=True,
            )


def seconds_for_one(model: Model, train: sparse.csr_array, side: sparse.csr_array) -> float:
    """Median of a few users, each folded in alone."""
    spent = []
    for user in range(TIMED):
        start = time.perf_counter()
        model.fold_in(train[[user]], features=side[[user]])
        spent.append(time.perf_counter() - start)
    return sorted(spent)[TIMED // 2]


if __name__ == "__main__":
    main()
