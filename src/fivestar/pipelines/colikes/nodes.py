"""Counts of co-likes, and a grid of runs on them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.analysis.co_likes.counts import co_likes, likes
from fivestar.errors import InputError
from fivestar.pipelines.colikes.settings import ColikesSettings
from fivestar.ratings import Scale

if TYPE_CHECKING:
    from fivestar.analysis.co_likes.embedding import Embedding

logger = logging.getLogger(__name__)


def count(
    train: pd.DataFrame, items: pd.DataFrame, settings: ColikesSettings, scale: Scale
) -> tuple[pd.DataFrame, sparse.csr_array]:
    """Every item of the side table with its ratings and likes in train, and the co-likes.

    Returns
    -------
    items
        ``item``, ``title`` (the id where there is none), ``year``, ``n_ratings``, ``n_likes``.
    counts
        X on the positions of these rows.
    """
    least = settings.least_like(scale)
    table = items.reindex(columns=["item", "title", "year"])
    table["title"] = table["title"].astype("str").fillna(table["item"])
    table["year"] = table["year"].astype("float64")
    liked = likes(train, pd.Index(table["item"]), least)
    rated = train.groupby("item").size().rename("n_ratings")
    table = table.join(rated, on="item", how="left").fillna({"n_ratings": 0})
    table = table.astype({"n_ratings": "int64"}).assign(n_likes=np.diff(liked.tocsc().indptr))
    if liked.shape[0] == 0:
        raise InputError(
            f"no rating of the train part has {least:g} stars or more: set a lower "
            "`colikes.liked_share` or `colikes.liked_from` (parameters_colikes.yml)."
        )
    counts = co_likes(liked)
    logger.info(
        "%-24s %s likes (%g stars or more) by %s users; %s of %s items liked, %s not even rated; "
        "%s pairs liked by someone",
        "co-likes",
        *(f"{liked.nnz:,}", least, f"{liked.shape[0]:,}", f"{(table['n_likes'] > 0).sum():,}"),
        *(f"{n:,}" for n in (len(table), (table["n_ratings"] == 0).sum(), counts.nnz // 2)),
    )
    return table, counts


def train_grid(
    items: pd.DataFrame, counts: sparse.csr_array, settings: ColikesSettings
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The vectors of the run with the lowest cost beside their items, and all runs.

    A run that diverges is told as failed, and the next one starts.

    Raises
    ------
    InputError
        If none is left: every run diverged, or there is no rate.
    """
    from fivestar.analysis.co_likes.embedding import (
        embed,  # here, for torch takes seconds to import
    )

    best: tuple[float, str, np.ndarray] | None = None
    runs = []
    for optimizer, rates in settings.learning_rates.items():
        for rate in rates:
            name, started = f"colikes-{optimizer}-{rate:g}", time.time()
            run = embed(
                counts,
                optimizer=optimizer,
                learning_rate=rate,
                label=name,
                **settings.model_dump(
                    include={"rank", "momentum", "n_epochs", "init_scale", "seed"}
                ),
            )
            record = _record(name, optimizer, rate, run, counts, settings, started)
            runs.append(record)
            if run.diverged_at is not None:
                logger.warning("%-24s %s, the grid goes on", name, record["failure"])
                continue
            cost = record["metrics"]["cost"]
            logger.info(
                "%-24s cost %.4g (%.1f %% of that of zeros) at epoch %d, %.1f s",
                *(name, cost, 100 * record["metrics"]["cost_share"], run.best_epoch),
                record["ended"] - started,
            )
            if best is None or cost < best[0]:
                best = cost, name, run.vectors
    if best is None:
        raise InputError(
            f"all {len(runs)} runs of the co-likes diverged: set lower rates in "
            "`colikes.learning_rates` (parameters_colikes.yml)."
        )
    logger.info("%-24s %s has the lowest cost", "co-likes", best[1])
    columns = [f"v{n}" for n in range(settings.rank)]
    vectors = pd.DataFrame(best[2], columns=columns, index=items.index)
    return pd.concat([items, vectors], axis=1), runs


def _record(
    name: str,
    optimizer: str,
    rate: float,
    run: Embedding,
    counts: sparse.csr_array,
    settings: ColikesSettings,
    started: float,
) -> dict[str, Any]:
    """A run as ``tracking`` logs it."""
    of_zeros = float(np.square(counts.data, dtype=np.float64).sum())
    metrics: dict[str, float] = {"n_items": counts.shape[0], "best_epoch": run.best_epoch}
    if run.costs:
        cost = run.costs[run.best_epoch]
        metrics |= {"cost": cost, "cost_share": cost / of_zeros if of_zeros else 0.0}
    return {
        "name": name,
        "model": "colikes",
        "tags": {"optimizer": optimizer, "learning_rate": f"{rate:g}"},
        "parameters": {
            **settings.model_dump(exclude={"learning_rates", "because_you_like"}),
            "optimizer": optimizer,
            "learning_rate": rate,
        },
        "metrics": metrics,
        "curves": {"cost": run.costs},
        "failure": None if run.diverged_at is None else f"diverged at epoch {run.diverged_at}",
        "started": started,
        "ended": time.time(),
    }
