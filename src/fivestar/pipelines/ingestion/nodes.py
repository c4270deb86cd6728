"""From raw tables to clean ones; everything is checked before anything is written.

Every mistake is an ``InputError`` that names file, column, the first offending rows and the fix.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.errors import InputError
from fivestar.pipelines.ingestion import checks
from fivestar.pipelines.ingestion.settings import IngestionSettings
from fivestar.ratings import Scale, Vocabulary
from fivestar.ratings.ids import Codes, any_repeats, pair_keys

logger = logging.getLogger(__name__)

PAIR = ["user", "item"]
MOST_SECONDS = 2.0**53
"""Of a time: all whole numbers below are kept as they are."""


def clean_ratings(raw: pd.DataFrame, settings: IngestionSettings, scale: Scale) -> pd.DataFrame:
    """One rating a pair: ``user``, ``item``, ``rating``, and what else ``columns`` declare."""
    columns = settings.columns
    raw = checks.as_text(raw)
    declared = [column for _, column in columns if column is not None]
    checks.require_columns(raw, declared, "ingestion.columns")
    checks.require_rows(raw, "rating")
    pairs = {"user": checks.ids(raw, columns.user), "item": checks.ids(raw, columns.item)}
    table = pd.DataFrame({**pairs, "rating": checks.ratings(raw, columns.rating, scale)})
    if columns.timestamp is not None:
        table["timestamp"] = _seconds(raw, columns.timestamp)
    if columns.weight is not None:
        table["weight"] = checks.weights(raw, columns.weight)
    if any_repeats(_pairs(table)):
        if settings.duplicates == "error":
            fix = "Delete all but one, or set `ingestion.duplicates` to last or mean."
            checks.require_unique(raw, [columns.user, columns.item], fix)
        table = settle_duplicates(table, settings.duplicates)
    core = keep_k_core(table, settings.k_core)
    if core.empty:
        raise InputError(
            f"{checks.file_of(raw)}: no user and item have {settings.k_core} ratings each. "
            "Set a lower `ingestion.k_core`."
        )
    return core


def settle_duplicates(ratings: pd.DataFrame, policy: str) -> pd.DataFrame:
    """One rating a user-item pair: keep the last, or take the mean."""
    pair = pd.Series(_pairs(ratings), index=ratings.index)
    if policy == "mean":
        means = ratings.groupby(pair, sort=False)["rating"].transform("mean")
        ratings = ratings.assign(rating=means)
    last = ratings[~pair.duplicated(keep="last")]
    if n_repeated := len(ratings) - len(last):
        logger.info("ingestion: %s repeated pairs: %s kept", f"{n_repeated:,}", policy)
    return last


def keep_k_core(ratings: pd.DataFrame, k: int) -> pd.DataFrame:
    """Only users and items with at least ``k`` ratings, repeated until nothing changes."""
    core = ratings
    while k > 1 and len(core):
        counts = np.minimum(*(np.bincount(codes)[codes] for codes in _codes(core)))
        if (counts >= k).all():
            break
        core = core[counts >= k]
    if len(core) < len(ratings):
        n_kept, n = f"{len(core):,}", f"{len(ratings):,}"
        logger.info("ingestion: %d-core keeps %s of %s ratings", k, n_kept, n)
    return core.reset_index(drop=True)


def clean_test_pairs(
    raw: pd.DataFrame | None, ratings: pd.DataFrame, settings: IngestionSettings, scale: Scale
) -> pd.DataFrame:
    """The pairs to predict: ``id``, ``user``, ``item``, ``rating``; no rows where none are shipped.

    Also ``timestamp`` where it is declared, for models that use times.

    A pair that is among the ratings would be tested on what models were trained on.
    """
    if raw is None:
        types = {"id": "int64", "user": "str", "item": "str", "rating": "float64"}
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in types.items()})
    columns = settings.test_columns
    raw = checks.as_text(raw)
    declared = [column for _, column in columns if column is not None]
    checks.require_columns(raw, declared, "ingestion.test_columns")
    checks.require_rows(raw, "pair to predict")
    if columns.id is not None:
        checks.ids(raw, columns.id)
    pairs = {"user": checks.ids(raw, columns.user), "item": checks.ids(raw, columns.item)}
    table = pd.DataFrame(pairs)
    if columns.id is None:
        table.insert(0, "id", np.arange(len(table)))
    else:
        checks.require_unique(raw, [columns.id], "Give each row an id of its own.")
        table.insert(0, "id", _whole_numbers_or_text(raw[columns.id]))
    table["rating"] = (
        np.nan if columns.rating is None else checks.ratings(raw, columns.rating, scale)
    )
    if columns.timestamp is not None:
        table["timestamp"] = _seconds(raw, columns.timestamp)

    ids = Vocabulary.of([ratings, table])
    tested, given = (pair_keys(*ids.indices(p), len(ids.items)) for p in (table, ratings))
    trained_on = np.isin(tested, given)
    if settings.test_duplicates == "drop":
        return drop_test_pairs(table, trained_on, checks.file_of(raw))
    pair, or_drop = [columns.user, columns.item], "or set `ingestion.test_duplicates: drop`."
    what = f"{trained_on.sum():,} of {len(raw):,} pairs also among the ratings,"
    checks.refuse(raw, pair, trained_on, what, f"Delete them from one of the files, {or_drop}")
    checks.require_unique(raw, pair, f"Delete all but one, {or_drop}")
    return table


def drop_test_pairs(pairs: pd.DataFrame, trained_on: NDArray[np.bool_], file: str) -> pd.DataFrame:
    """The test pairs that are not among the ratings, the first one of repeated ones."""
    kept = pairs[~trained_on].drop_duplicates(PAIR)
    if kept.empty:
        raise InputError(
            f"{file}: every pair is also among the ratings. Take them out of one file."
        )
    if n_dropped := len(pairs) - len(kept):
        logger.info(
            "ingestion: %s test pairs dropped: %s also among the ratings, %s there already",
            *(f"{n:,}" for n in (n_dropped, trained_on.sum(), n_dropped - trained_on.sum())),
        )
    return kept.reset_index(drop=True)


def accept(
    ratings: pd.DataFrame,
    test_pairs: pd.DataFrame,
    users: pd.DataFrame,
    items: pd.DataFrame,
    scale: Scale,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Hand on the clean tables, now that all of them are without mistakes, and their summary.

    Raises
    ------
    InputError
        If there are fewer ratings than splits, which would be found out when these are written.
    """
    fewest = 3 if test_pairs.empty else 2
    if len(ratings) < fewest:
        raise InputError(
            f"ratings: a split of {len(ratings)} would be empty. Bring {fewest} or more ratings, "
            "or set a lower `ingestion.k_core`."
        )
    summary = summarise(ratings, test_pairs, scale)
    logger.info(
        "ingestion: %s ratings by %s users on %s items, density %.2f %%, mean %.2f of %g to %g",
        *(f"{summary[key]:,}" for key in ("n_ratings", "n_users", "n_items")),
        100 * summary["density"],
        summary["mean_rating"],
        scale.lowest,
        scale.highest,
    )
    return ratings, test_pairs, users, items, summary


def summarise(ratings: pd.DataFrame, test_pairs: pd.DataFrame, scale: Scale) -> dict[str, Any]:
    """Counts, density, and how often each rating was given."""
    n_users, n_items = ratings["user"].nunique(), ratings["item"].nunique()
    counts = ratings["rating"].value_counts().sort_index()
    return {
        "n_ratings": len(ratings),
        "n_users": n_users,
        "n_items": n_items,
        "n_test_pairs": len(test_pairs),
        "density": len(ratings) / (n_users * n_items),
        "mean_rating": float(ratings["rating"].mean()),
        "scale": [scale.lowest, scale.highest],
        "histogram": {f"{rating:g}": int(count) for rating, count in counts.items()},
    }


def _codes(pairs: pd.DataFrame) -> tuple[Codes, Codes]:
    """Codes of users and items."""
    return pairs["user"].cat.codes.to_numpy(), pairs["item"].cat.codes.to_numpy()


def _pairs(pairs: pd.DataFrame) -> NDArray[np.int64]:
    """One number a pair."""
    return pair_keys(*_codes(pairs), len(pairs["item"].cat.categories))


def _seconds(raw: pd.DataFrame, column: str) -> pd.Series:
    values = checks.parse_numbers(raw[column])
    if values.isna().any():
        dates = pd.to_datetime(raw[column], errors="coerce", format="ISO8601", utc=True)
        values = values.fillna((dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds())
    fix = "Write seconds since 1970 or dates such as 2026-01-31, or leave the column out."
    whole = values.abs() < MOST_SECONDS  # False of NaN, too
    checks.refuse(raw, [column], ~whole, "neither seconds nor a date", fix)
    return values.astype(np.int64)


def _whole_numbers_or_text(ids: pd.Series) -> pd.Series:
    """Ids as integers where writing them out again gives the same text."""
    values = pd.to_numeric(ids, errors="coerce")
    if pd.api.types.is_integer_dtype(values) and (values.astype("str") == ids).all():
        return values
    return ids
