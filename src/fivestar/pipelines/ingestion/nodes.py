"""From raw tables to clean ones; everything is checked before anything is written."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from fivestar.errors import InputError
from fivestar.pipelines.ingestion import checks
from fivestar.pipelines.ingestion.settings import IngestionSettings, RatingColumns, TestColumns
from fivestar.pipelines.ingestion.side_tables import clean_side_table
from fivestar.ratings import Scale

logger = logging.getLogger(__name__)


def ingest(
    ratings_raw: pd.DataFrame,
    test_pairs_raw: pd.DataFrame | None,
    users_raw: pd.DataFrame | None,
    items_raw: pd.DataFrame | None,
    settings: IngestionSettings,
    scale: Scale,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Check and clean all tables of a data set.

    Returns
    -------
    ratings
        ``user``, ``item``, ``rating`` and, where the file has it, ``timestamp`` (seconds).
    test_pairs
        ``id``, ``user``, ``item``, ``rating``; no rows where the data set ships none.
    users, items
        The id and its features.
    summary
        Counts and the histogram of stars.

    Raises
    ------
    InputError
        Naming file, column, first offending rows and the mend.
    """
    ratings = clean_ratings(ratings_raw, settings.columns, scale)
    ratings = settle_duplicates(ratings, settings.duplicates)
    ratings = keep_k_core(ratings, settings.k_core)
    test_pairs = clean_test_pairs(test_pairs_raw, settings.test_columns, scale)

    users = clean_side_table(users_raw, settings.users, "user", ratings["user"])
    items = clean_side_table(items_raw, settings.items, "item", ratings["item"])

    summary = summarise(ratings, test_pairs, scale)
    logger.info(
        "%-24s %s ratings by %s users on %s items, density %.2f %%, mean %.2f of %g to %g",
        "ingestion",
        *(f"{summary[key]:,}" for key in ("n_ratings", "n_users", "n_items")),
        100 * summary["density"],
        summary["mean_rating"],
        scale.lowest,
        scale.highest,
    )
    ratings.attrs = {}  # the raw file's lines mean nothing from here on
    return ratings, test_pairs, users, items, summary


def clean_ratings(raw: pd.DataFrame, columns: RatingColumns, scale: Scale) -> pd.DataFrame:
    """The canonical columns, checked."""
    declared = {name: column for name, column in columns if column is not None}
    raw = checks.as_text(raw)
    checks.require_columns(raw, list(declared.values()), "ingestion.columns")
    checks.require_rows(raw, "rating")
    checks.require_ids(raw, columns.user)
    checks.require_ids(raw, columns.item)
    rating = checks.numbers(raw, columns.rating)
    checks.require_scale(raw, columns.rating, rating, scale)
    table = pd.DataFrame({"user": raw[columns.user], "item": raw[columns.item], "rating": rating})
    if columns.timestamp is not None:
        table["timestamp"] = _seconds(raw, columns.timestamp)
    table.attrs = dict(raw.attrs)
    return table


def settle_duplicates(ratings: pd.DataFrame, policy: str) -> pd.DataFrame:
    """One rating a user-item pair: refuse others, keep the last, or take the mean."""
    pair = ["user", "item"]
    if policy == "error":
        mend = "Delete all but one, or set `ingestion.duplicates` to last or mean."
        checks.require_unique(ratings, pair, mend)
        return ratings
    last = ratings.drop_duplicates(pair, keep="last")
    if policy == "mean" and len(last) < len(ratings):
        means = ratings.groupby(pair, sort=False)["rating"].mean()
        last = last.assign(rating=means.reindex(pd.MultiIndex.from_frame(last[pair])).to_numpy())
    if len(last) < len(ratings):
        logger.info(
            "%-24s %s repeated pairs: %s kept", "ingestion", f"{len(ratings) - len(last):,}", policy
        )
    return last.reset_index(drop=True)


def keep_k_core(ratings: pd.DataFrame, k: int) -> pd.DataFrame:
    """Only users and items with at least ``k`` ratings, repeated until nothing changes."""
    core = ratings
    while len(core):
        of_user, of_item = (core[name].map(core[name].value_counts()) for name in ("user", "item"))
        counts = np.minimum(of_user, of_item)
        if (counts >= k).all():
            break
        core = core[counts >= k]
    if core.empty:
        raise InputError(
            f"{checks.file_of(ratings)}: no user and item have {k} ratings each. "
            "Set a lower `ingestion.k_core`."
        )
    if len(core) < len(ratings):
        logger.info(
            "%-24s %d-core keeps %s of %s ratings",
            *("ingestion", k, f"{len(core):,}", f"{len(ratings):,}"),
        )
    return core.reset_index(drop=True)


def clean_test_pairs(raw: pd.DataFrame | None, columns: TestColumns, scale: Scale) -> pd.DataFrame:
    """The pairs to predict; no rows where the data set ships none."""
    if raw is None:
        types = {"id": "int64", "user": "str", "item": "str", "rating": "float64"}
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in types.items()})
    raw = checks.as_text(raw)
    declared = [column for _, column in columns if column is not None]
    checks.require_columns(raw, declared, "ingestion.test_columns")
    checks.require_rows(raw, "pair to predict")
    for column in (columns.id, columns.user, columns.item):
        if column is not None:
            checks.require_ids(raw, column)
    table = pd.DataFrame({"user": raw[columns.user], "item": raw[columns.item]})
    if columns.id is None:
        table.insert(0, "id", np.arange(len(table)))
    else:
        checks.require_unique(raw, [columns.id], "Give each row an id of its own.")
        table.insert(0, "id", _whole_numbers_or_text(raw[columns.id]))
    if columns.rating is None:
        table["rating"] = np.nan
    else:
        table["rating"] = checks.numbers(raw, columns.rating)
        checks.require_scale(raw, columns.rating, table["rating"], scale)
    return table


def summarise(ratings: pd.DataFrame, test_pairs: pd.DataFrame, scale: Scale) -> dict[str, Any]:
    """Counts, density, and how often each number of stars was given."""
    n_users, n_items = ratings["user"].nunique(), ratings["item"].nunique()
    stars = ratings["rating"].value_counts().sort_index()
    return {
        "n_ratings": len(ratings),
        "n_users": n_users,
        "n_items": n_items,
        "n_test_pairs": len(test_pairs),
        "density": len(ratings) / (n_users * n_items),
        "mean_rating": float(ratings["rating"].mean()),
        "scale": [scale.lowest, scale.highest],
        "histogram": {f"{star:g}": int(count) for star, count in stars.items()},
    }


def _seconds(raw: pd.DataFrame, column: str) -> pd.Series:
    values = checks.parse_numbers(raw[column])
    if values.isna().any():
        dates = pd.to_datetime(raw[column], errors="coerce", format="ISO8601", utc=True)
        values = values.fillna((dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds())
    mend = "Write seconds since 1970 or dates such as 2026-01-31, or leave the column out."
    checks.refuse(raw, column, ~np.isfinite(values), "neither seconds nor a date", mend)
    return values.astype(np.int64)


def _whole_numbers_or_text(ids: pd.Series) -> pd.Series:
    """Ids as integers where writing them out again gives the same text."""
    values = pd.to_numeric(ids, errors="coerce")
    if pd.api.types.is_integer_dtype(values) and (values.astype("str") == ids).all():
        return values
    return ids
