"""Features of users and items out of a data set's side tables."""

from __future__ import annotations

import logging

import pandas as pd

from fivestar.pipelines.ingestion import checks
from fivestar.pipelines.ingestion.settings import Feature, IngestionSettings, SideTable

logger = logging.getLogger(__name__)


def clean_users(
    raw: pd.DataFrame | None, ratings: pd.DataFrame, settings: IngestionSettings
) -> pd.DataFrame:
    """``user`` and the features of every user."""
    return clean_side_table(raw, settings.users, "user", ratings["user"])


def clean_items(
    raw: pd.DataFrame | None, ratings: pd.DataFrame, settings: IngestionSettings
) -> pd.DataFrame:
    """``item`` and the features of every item."""
    return clean_side_table(raw, settings.items, "item", ratings["item"])


def clean_side_table(
    raw: pd.DataFrame | None, side: SideTable | None, name: str, rated: pd.Series
) -> pd.DataFrame:
    """One row an id: the table's own ids first, then those that it lacks.

    Parameters
    ----------
    raw, side
        The raw side table and what its columns mean; None where the data set has none.
    name
        ``user`` or ``item``: the name of the id column of the result.
    rated
        Ids in the ratings, as often as they are there.
    """
    ids = rated.drop_duplicates(ignore_index=True).astype("str")
    if raw is None or side is None:
        return pd.DataFrame({name: ids})
    table = checks.as_text(raw)
    used = [column for feature in side.features.values() for column in feature.used]
    checks.require_columns(table, [side.id, *used], f"ingestion.{name}s")
    checks.require_rows(table, name)
    checks.ids(table, side.id)
    checks.require_unique(table, [side.id], "Keep one row for each.")

    cleaned = pd.DataFrame({name: table[side.id]})
    for feature_name, feature in side.features.items():
        cleaned[feature_name] = _clean(table, feature)
    lacking = pd.DataFrame({name: ids[~ids.isin(cleaned[name])]})
    if len(lacking):
        logger.info("ingestion: %s %ss without a row in the side table", f"{len(lacking):,}", name)
    for feature_name, feature in side.features.items():
        if feature.kind == "categories":
            lacking[feature_name] = [[] for _ in range(len(lacking))]
    return pd.concat([cleaned, lacking], ignore_index=True)


def _clean(table: pd.DataFrame, feature: Feature) -> pd.Series:
    if feature.columns:
        flags = table[feature.columns].apply(lambda column: column.str.strip() == "1")
        words = [[name for name, on in zip(flags, row, strict=True) if on] for row in flags.values]
        return pd.Series(words, index=table.index)
    cells: pd.Series = table[feature.column].str.strip()
    cells = cells.mask((cells == "") | (cells == feature.missing))
    match feature.kind:
        case "number":
            return pd.to_numeric(cells, errors="coerce").astype("float64")
        case "year":
            in_brackets = cells.str.extract(r"\((\d{4})\)\s*$", expand=False)
            last_digits = cells.str.extract(r"(\d{4})(?!.*\d{4})", expand=False)
            return in_brackets.fillna(last_digits).astype("Int64")
        case "categories":
            return cells.fillna("").map(lambda cell: _words(cell, feature.separator))
        case _:
            return cells


def _words(cell: str, separator: str) -> list[str]:
    return [word.strip() for word in cell.split(separator) if word.strip()]
