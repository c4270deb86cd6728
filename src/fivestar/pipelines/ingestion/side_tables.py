"""Features of users and items out of a data set's side tables."""

from __future__ import annotations

import logging

import pandas as pd

from fivestar.pipelines.ingestion import checks
from fivestar.pipelines.ingestion.settings import Feature, SideTable

logger = logging.getLogger(__name__)


def clean_side_table(
    table: pd.DataFrame | None, side: SideTable | None, name: str, known: pd.Series
) -> pd.DataFrame:
    """One row an id: the table's own ids first, then the rated ids that it lacks.

    Parameters
    ----------
    table
        The raw side table, None where the data set has none.
    side
        What its columns mean.
    name
        ``user`` or ``item``: the name of the id column of the result.
    known
        Ids in ratings and test pairs, as often as they are there.
    """
    known = known.drop_duplicates(ignore_index=True)
    if table is None or side is None:
        return pd.DataFrame({name: known})
    table = checks.as_text(table)
    used = [column for feature in side.features.values() for column in feature.used]
    checks.require_columns(table, [side.id, *used], f"ingestion.{name}s")
    checks.require_rows(table, name)
    checks.require_ids(table, side.id)
    checks.require_unique(table, [side.id], "Keep one row for each.")

    cleaned = pd.DataFrame({name: table[side.id]})
    for feature_name, feature in side.features.items():
        cleaned[feature_name] = _clean(table, feature)
    lacking = pd.DataFrame({name: known[~known.isin(cleaned[name])]})
    if len(lacking):
        logger.info("%-24s %s %ss without a row in the side table", "ingestion", len(lacking), name)
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
