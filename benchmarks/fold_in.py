"""How near known users come to their trained predictions when they are folded in as if new.

    kedro run --pipelines zoo        # or `make run`, for the enabled models
    python benchmarks/fold_in.py

Every model fitted on train folds in all users by their train ratings. Printed are, for the
validation pairs, the root mean square difference from the trained predictions, the same divided by
their standard deviation, the RMSE of both, and the milliseconds that one user takes. Test is not
read.
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
from fivestar.pipelines.choice import same_data
from fivestar.ratings import TrainingData, observed

ROOT = Path(__file__).parents[1]
TIMED = 5
"""Users that are folded in one by one."""


def main() -> None:
    torch.set_num_threads(1)
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT) as session:
        catalog = session.load_context().catalog
        data: TrainingData = catalog.load("training_data")
        users, items, ratings = observed(data.validation)
        side = data.features.users
        print("| model | difference | relative | RMSE trained | folded in | one user, ms |")
        print("|---|---|---|---|---|---|")
        for name, model in same_data(catalog.load("fitted_models"), data).items():
            trained = model.predict(users, items)
            folded = model.fold_in(data.train, features=side).predict(users, items)
            difference = rmse(trained, folded)
            print(
                f"| `{name}` | {difference:.4f} | {difference / trained.std():.3f} "
                f"| {rmse(ratings, trained):.4f} | {rmse(ratings, folded):.4f} "
                f"| {1000 * seconds_for_one(model, data.train, side):.1f} |",
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
