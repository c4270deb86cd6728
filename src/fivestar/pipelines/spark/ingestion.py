"""Raw ratings to clean ones; everything is checked before anything is written."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fivestar.errors import InputError
from fivestar.pipelines.ingestion.checks import SHOWN
from fivestar.pipelines.ingestion.settings import IngestionSettings
from fivestar.ratings import Scale

logger = logging.getLogger(__name__)

PAIR = ("user", "item")


class Mistake(NamedTuple):
    """What a row may have wrong.

    Attributes
    ----------
    column : ``user``, ``item`` or ``rating``
    found : where it is so
    """

    column: str
    found: Column
    what: str
    fix: str


def clean_ratings(raw: DataFrame, settings: IngestionSettings, scale: Scale) -> DataFrame:
    """One rating a pair: ``user``, ``item``, ``rating``.

    All rows are checked in one pass, which keeps one row a pair; the driver is told counts, and
    of rows with a mistake the first few.

    Parameters
    ----------
    raw
        Text in every cell, with the columns that ``settings.columns`` name.
    """
    require_supported(settings)
    table = _as_text(raw, settings)
    mistakes = possible_mistakes(scale)
    number = F.coalesce(*(F.when(each.found, n) for n, each in enumerate(mistakes)))
    by_pair = table.groupBy(*PAIR).agg(F.count("*").alias("n"), F.min(number).alias("mistake"))
    sums = by_pair.groupBy("mistake").agg(F.sum("n").alias("rows"), F.sum(F.col("n") - 1))
    counted = {mistake: (rows, repeats) for mistake, rows, repeats in sums.collect()}
    if not counted:
        raise InputError(f"{_file_of(raw)}: no rows. It needs at least one rating.")
    found = sorted(mistake for mistake in counted if mistake is not None)
    if found:
        raise InputError(_told(raw, table, mistakes[found[0]], settings))
    _, n_repeated = counted[None]
    if n_repeated and settings.duplicates == "error":
        raise InputError(_told_of_repeats(raw, table, n_repeated))
    ratings = table.select(*PAIR, _number("rating").alias("rating"))
    if n_repeated:
        logger.info("ingestion: %s repeated pairs: the mean is kept", f"{n_repeated:,}")
        return ratings.groupBy(*PAIR).agg(F.avg("rating").alias("rating"))
    return ratings


def require_supported(settings: IngestionSettings) -> None:
    """Refuse settings that only the pipelines on one machine have.

    Raises
    ------
    InputError
        Naming the setting, and what to write instead.
    """
    if settings.duplicates == "last":
        raise InputError(
            "ingestion.duplicates: last: rows have no order under Spark. Set error or mean."
        )
    if settings.k_core > 1:
        raise InputError("ingestion.k_core: Spark keeps all users and items. Set it to 0.")
    if settings.columns.weight is not None:
        raise InputError(
            "ingestion.columns.weight: Spark's models know no weights. Leave the column out."
        )


def possible_mistakes(scale: Scale) -> list[Mistake]:
    """What every row is checked for, the first one told first."""
    rating, lowered = _number("rating"), F.lower(F.trim("rating"))
    words = rating.isNull() & ~lowered.isin("nan", "+nan", "-nan")
    fix = "Write numbers such as 4 or 3.5, or delete the rows."
    infinite = rating.isNull() | F.isnan(rating) | rating.isin(float("inf"), float("-inf"))
    outside = f"outside the scale {scale.lowest:g} to {scale.highest:g}"
    fix_scale = "Fix the rows, or set `scale` in the environment's parameters."
    return [
        *(
            Mistake(column, _empty(column), "an empty id", "Fill in the ids or delete the rows.")
            for column in PAIR
        ),
        Mistake("rating", _empty("rating"), "no rating", "Fill it in or delete the rows."),
        Mistake("rating", words, "not a number", fix),
        Mistake("rating", infinite, "not a finite number", fix),
        Mistake("rating", ~rating.between(scale.lowest, scale.highest), outside, fix_scale),
    ]


def summarise(ratings: DataFrame, scale: Scale) -> dict[str, Any]:
    """Counts, density, and how often each rating was given, to a tenth."""
    n_users, n_items = (ratings.select(column).distinct().count() for column in PAIR)
    n_ratings, mean = ratings.agg(F.count("*"), F.avg("rating")).first()
    by_rating = ratings.groupBy(F.round("rating", 1).alias("rating")).count().orderBy("rating")
    density = n_ratings / (n_users * n_items)
    logger.info(
        "ingestion: %s ratings by %s users on %s items, density %.2f %%, mean %.2f of %g to %g",
        *(f"{n:,}" for n in (n_ratings, n_users, n_items)),
        *(100 * density, mean, scale.lowest, scale.highest),
    )
    return {
        "n_ratings": n_ratings,
        "n_users": n_users,
        "n_items": n_items,
        "density": density,
        "mean_rating": mean,
        "scale": [scale.lowest, scale.highest],
        "histogram": {f"{rating:g}": count for rating, count in by_rating.collect()},
    }


def _as_text(raw: DataFrame, settings: IngestionSettings) -> DataFrame:
    """``user``, ``item`` and ``rating`` as text, empty where nothing is."""
    named = {column: getattr(settings.columns, column) for column in (*PAIR, "rating")}
    missing = [name for name in named.values() if name not in raw.columns]
    if missing:
        raise InputError(
            f"{_file_of(raw)}: no column {_listed(missing)}; the file has {_listed(raw.columns)}. "
            "Set `ingestion.columns` in the environment's parameters."
        )
    return raw.select(
        *(
            F.coalesce(F.col(f"`{name}`").cast("string"), F.lit("")).alias(column)
            for column, name in named.items()
        )
    )


def _number(column: str) -> Column:
    """The cell as a number; null where it holds none."""
    return F.col(column).try_cast("double")


def _empty(column: str) -> Column:
    return F.trim(column) == ""


def _told(raw: DataFrame, table: DataFrame, mistake: Mistake, settings: IngestionSettings) -> str:
    rows = table.filter(mistake.found)
    n = rows.count()
    shown = ", ".join(
        f"user {row['user']!r}, item {row['item']!r}, rating {row['rating']!r}"
        for row in rows.limit(SHOWN).collect()
    )
    column = getattr(settings.columns, mistake.column)
    count = "1 row" if n == 1 else f"{n:,} rows"
    return f"{_file_of(raw)}: column {column!r}: {mistake.what} in {count} ({shown}). {mistake.fix}"


def _told_of_repeats(raw: DataFrame, table: DataFrame, n: int) -> str:
    ratings = F.slice(F.collect_list("rating"), 1, SHOWN).alias("ratings")
    pairs = table.groupBy(*PAIR).agg(F.count("*").alias("n"), ratings).filter("n > 1")
    user, item, _, given = pairs.first()
    repeat = f"{n:,} rows repeat" if n > 1 else "1 row repeats"
    return (
        f"{_file_of(raw)}: {repeat} a pair of user and item, such as user {user!r} and item "
        f"{item!r} with ratings {_listed(given)}. Delete all but one, or set "
        "`ingestion.duplicates` to mean."
    )


def _file_of(raw: DataFrame) -> str:
    """The file, or the first of them, that a table is read from."""
    return next((file.removeprefix("file://") for file in raw.inputFiles()), "the table")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
