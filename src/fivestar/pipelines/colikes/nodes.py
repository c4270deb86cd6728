"""Counts of co-likes, and a grid of runs on them."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.analysis.co_likes import Vectors, co_likes, embed, likes, sum_of_squares
from fivestar.errors import InputError
from fivestar.pipelines.colikes.settings import Learning
from fivestar.ratings import TrainingData

logger = logging.getLogger(__name__)


def count_co_likes(
    data: TrainingData, item_table: pd.DataFrame, settings: Learning
) -> tuple[pd.DataFrame, sparse.csr_array]:
    """Every item of the vocabulary with its ratings and likes in train, and the co-likes X."""
    threshold = settings.min_liked(data.scale)
    liked = likes(data.train, threshold)
    if liked.nnz == 0:
        raise InputError(
            f"no rating of train is {threshold:g} or higher: set a lower "
            "`colikes.liked_share` or `colikes.liked_from` (parameters_colikes.yml)."
        )
    counts = co_likes(liked)
    n_ratings, n_likes = (
        np.bincount(matrix.indices, minlength=len(item_table)) for matrix in (data.train, liked)
    )
    table = item_table[["item", "title", "year", "shown"]].assign(
        title=item_table["title"].fillna(item_table["item"]),
        year=item_table["year"].astype("float64"),
        n_ratings=n_ratings,
        n_likes=n_likes,
    )
    n_users, n_liked = (np.count_nonzero(n) for n in (np.diff(liked.indptr), n_likes))
    n_unrated = np.count_nonzero(n_ratings == 0)
    logger.info(
        "co-likes: %s likes (%g or higher) by %s users; %s of %s items liked, %s not even rated; "
        "%s pairs liked by someone",
        *(f"{liked.nnz:,}", threshold, f"{n_users:,}", f"{n_liked:,}"),
        *(f"{n:,}" for n in (len(table), n_unrated, counts.nnz // 2)),
    )
    return table, counts


def train_grid(
    items: pd.DataFrame, counts: sparse.csr_array, settings: Learning
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The vectors of the run with the lowest cost beside their items, and all runs.

    A run that diverges is told as failed, and the next one starts.

    Raises
    ------
    InputError
        If none is left: every run diverged, or there is no rate.
    """
    grid = [(name, rate) for name, rates in settings.learning_rates.items() for rate in rates]
    runs = [_train(counts, optimizer, rate, settings) for optimizer, rate in grid]
    usable = [(record, vectors) for record, vectors in runs if record["failure"] is None]
    if not usable:
        raise InputError(
            f"all {len(runs)} runs of the co-likes diverged: set lower rates in "
            "`colikes.learning_rates` (parameters_colikes.yml)."
        )
    best, vectors = min(usable, key=lambda run: run[0]["metrics"]["cost"])
    logger.info("co-likes: %s has the lowest cost", best["name"])
    columns = [f"v{n}" for n in range(settings.rank)]
    table = pd.concat([items, pd.DataFrame(vectors, items.index, columns)], axis=1)
    return table, [record for record, _ in runs]


def _train(
    counts: sparse.csr_array, optimizer: str, rate: float, settings: Learning
) -> tuple[dict[str, Any], Vectors]:
    """The record of a run, as MLflow gets it, and its vectors."""
    name, started = f"colikes-{optimizer}-{rate:g}", time.time()
    options = settings.model_dump(include={"rank", "momentum", "n_epochs", "init_scale", "seed"})
    run = embed(counts, optimizer=optimizer, learning_rate=rate, label=name, **options)
    ended = time.time()
    metrics: dict[str, float] = {"n_items": counts.shape[0], "best_epoch": run.best_epoch}
    if run.costs:
        cost = run.costs[run.best_epoch]
        metrics |= {"cost": cost, "relative_cost": cost / (sum_of_squares(counts) or 1)}
    failure = None
    if run.diverged_at is not None:
        failure = f"diverged at epoch {run.diverged_at}"
        logger.warning("%s: %s, the grid goes on", name, failure)
    else:
        logger.info(
            "%s: cost %.4g (%.1f %% of that of zeros) at epoch %d, %.1f s",
            *(name, cost, 100 * metrics["relative_cost"], run.best_epoch, ended - started),
        )
    parameters = settings.model_dump(exclude={"learning_rates"})
    return {
        "name": name,
        "model": "colikes",
        "tags": {"optimizer": optimizer, "learning_rate": f"{rate:g}"},
        "parameters": parameters | {"optimizer": optimizer, "learning_rate": rate},
        "metrics": metrics,
        "curves": {"cost": run.costs},
        "failure": failure,
        "started": started,
        "ended": ended,
    }, run.vectors
