"""New ratings with and without drift, made of the demo's, and how often they say to retrain.

    python benchmarks/monitoring.py hold-out latest     # or random, or shifted
    kedro run --env monitored
    kedro run --env monitored --pipelines monitoring

    python benchmarks/monitoring.py false-alarms [--trials 50]

`hold-out` writes `conf/monitored/` and `data/01_raw/monitored/`: an environment of nine tenths of
the ratings, whose `new_ratings.csv` is the other tenth: the latest ratings, random ones, or
`shifted`, random ones in which every second rating has a star more and a tenth are of new items.

`false-alarms` measures, on random splits of the demo into train, test and new ratings, how often
the checks say `retrain` or `watch`, by the limits of `conf/base/parameters_monitoring.yml`: without
drift, and with the same shift. The model is a `bayesian_mf` of few sweeps. It writes nothing.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy import sparse

from fivestar.pipelines.fitting import fit_and_refit
from fivestar.pipelines.monitoring import quality, shares
from fivestar.pipelines.monitoring.checks import OK, RETRAIN, WATCH, as_table
from fivestar.pipelines.monitoring.predictions import predict_parts
from fivestar.pipelines.monitoring.settings import MonitoringSettings
from fivestar.ratings import Context, Features, Scale, TrainingData, Vocabulary, item_table

ROOT = Path(__file__).parents[1]
SHARE = 0.1
"""Of the ratings that are new."""
QUICK = {"family": "bayesian_mf", "n_chains": 1, "n_burn_in": 30, "n_steps": 60, "n_kept": 30}
COLUMNS = ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]


def demo() -> pd.DataFrame:
    """The ratings as they are in the file, all text."""
    return pd.read_csv(ROOT / "data/01_raw/demo/ml-100k.inter", sep="\t", dtype=str)


def shifted(new: pd.DataFrame, columns: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """A star more in every second rating, and a tenth of the ratings of new items."""
    item, rating = columns[1:3]
    new = new.copy()
    more = rng.random(len(new)) < 0.5
    stars = np.minimum(new[rating].astype(float) + more, 5)
    new[rating] = stars.astype(new[rating].dtype) if new[rating].dtype != object else stars
    replaced = rng.random(len(new)) < 0.1
    new.loc[replaced, item] = [f"new {n % 200}" for n in range(replaced.sum())]
    return new


def hold_out(kind: str) -> None:
    """Write the environment `monitored`."""
    ratings, rng = demo(), np.random.default_rng(42)
    times = ratings[COLUMNS[3]].astype(float).to_numpy()
    order = np.argsort(times, kind="stable") if kind == "latest" else rng.permutation(len(times))
    n_new = int(SHARE * len(order))
    new, kept = ratings.iloc[order[-n_new:]], ratings.iloc[np.sort(order[:-n_new])]
    if kind == "shifted":
        new = shifted(new, COLUMNS, rng).drop_duplicates(COLUMNS[:2])
    raw, conf = ROOT / "data/01_raw/monitored", ROOT / "conf/monitored"
    for folder in (raw, conf):
        folder.mkdir(parents=True, exist_ok=True)
    kept.to_csv(raw / "ratings.inter", sep="\t", index=False)
    new.to_csv(raw / "new_ratings.csv", sep="\t", index=False)
    catalog = (ROOT / "conf/demo/catalog.yml").read_text(encoding="utf-8")
    catalog = catalog.replace("demo/ml-100k.inter", "monitored/ratings.inter")
    catalog = catalog.replace("demo/new_ratings", "monitored/new_ratings")
    (conf / "catalog.yml").write_text(catalog, encoding="utf-8")
    parameters = (ROOT / "conf/demo/parameters.yml").read_text(encoding="utf-8")
    (conf / "parameters.yml").write_text(parameters, encoding="utf-8")
    print(f"{len(kept):,} ratings in {raw}, and {len(new):,} {kind} new ones")


def false_alarms(n_trials: int) -> None:
    """Print how often each check says what, without drift and with the shift."""
    given = yaml.safe_load((ROOT / "conf/base/parameters_monitoring.yml").read_text())
    settings = MonitoringSettings(**given["monitoring"])
    ratings = demo().set_axis(["user", "item", "rating", "timestamp"], axis=1)
    ratings = ratings.astype({"rating": float, "timestamp": float})
    said: dict[str, Counter[tuple[str, str]]] = {"no drift": Counter(), "shifted": Counter()}
    for trial in range(n_trials):
        rng = np.random.default_rng(trial)
        part = np.split(rng.permutation(len(ratings)), [len(ratings) // 10, len(ratings) // 5])
        new, test, train = (ratings.iloc[rows].reset_index(drop=True) for rows in part)
        data = as_training_data(train)
        model = fit_and_refit({**QUICK, "seed": trial}, data, label="bayesian_mf")
        for kind, rows in (("no drift", new), ("shifted", shifted(new, list(new), rng))):
            table = check(model, data, test, rows.drop_duplicates(["user", "item"]), settings)
            said[kind].update(zip(table["check"], table["verdict"], strict=True))
    for kind, counts in said.items():
        print(f"\n| {kind}, {n_trials} samples | ok | watch | retrain |\n|---|---|---|---|")
        for name in dict.fromkeys(name for name, _ in counts):
            cells = " | ".join(str(counts[name, verdict]) for verdict in (OK, WATCH, RETRAIN))
            print(f"| `{name}` | {cells} |")


def as_training_data(train: pd.DataFrame) -> TrainingData:
    """All of it as train; nothing for validation, which this model does not need."""
    ids = Vocabulary.of([train])
    none = sparse.csr_array(ids.shape, dtype=np.float32)
    features = Features(*(sparse.csr_array((n, 0), dtype=np.float32) for n in ids.shape))
    context = Context.of(train[["user", "item", "timestamp"]], ids)
    return TrainingData(
        *(ids.matrix(train), none, ids, features, Scale(1, 5), "demo"), context, Context()
    )


def check(
    model: Any,
    data: TrainingData,
    test: pd.DataFrame,
    new_ratings: pd.DataFrame,
    settings: MonitoringSettings,
) -> pd.DataFrame:
    """The table of checks, by the functions of the pipeline."""
    items = item_table(pd.DataFrame({"item": data.vocabulary.items}), data)
    new, earlier = predict_parts("bayesian_mf", model, {}, data, test, test, new_ratings)
    return as_table(
        [
            shares.compare_stars(new_ratings, data, settings)[1],
            shares.compare_items(new_ratings, data, items, settings)[1],
            *quality.check_unknown(new, earlier, settings),
            *quality.check_errors(new, earlier, data, settings),
            quality.follow_windows(new, earlier, settings)[1],
            quality.check_coverage(new, earlier, settings),
            quality.check_reliability(new, earlier, settings)[1],
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    commands = parser.add_subparsers(dest="command", required=True)
    held_out = commands.add_parser("hold-out", help="write the environment `monitored`")
    held_out.add_argument("kind", choices=["latest", "random", "shifted"])
    alarms = commands.add_parser("false-alarms", help="how often the checks say to retrain")
    alarms.add_argument("--trials", type=int, default=50)
    given = parser.parse_args()
    if given.command == "hold-out":
        hold_out(given.kind)
    else:
        false_alarms(given.trials)


if __name__ == "__main__":
    main()
