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
        Ids in ratings and test pairs.
    """
    if table is None or side is None:
        return pd.DataFrame({name: known})
    used = [
        column
        for feature in side.features.values()
        for column in (feature.columns or [feature.column])
        if column is not None
    ]
    checks.require_columns(table, [side.id, *used], f"ingestion.{name}s")
    checks.require_rows(table, name)
    checks.require_ids(table, side.id)
    checks.require_unique(table, [side.id], "Keep one row for each.")

    cleaned = pd.DataFrame({name: table[side.id]})
    for feature_name, feature in side.features.items():
        cleaned[feature_name] = _clean(table, feature)
    lacking = known[~known.isin(cleaned[name])]
    if len(lacking):
        logger.info("%-12s %s %ss without a row in the side table", "ingestion", len(lacking), name)
    return pd.concat([cleaned, pd.DataFrame({name: lacking})], ignore_index=True)


def _clean(table: pd.DataFrame, feature: Feature) -> pd.Series:
    if feature.columns:
        flags = table[feature.columns].apply(lambda column: column.str.strip() == "1")
        return flags.apply(lambda row: [name for name, on in row.items() if on], axis=1)
    cells = table[feature.column].str.strip()
    cells = cells.mask((cells == "") | (cells == feature.missing))
    match feature.kind:
        case "number":
            return pd.to_numeric(cells, errors="coerce")
        case "year":
            in_brackets = cells.str.extract(r"\((\d{4})\)\s*$", expand=False)
            last_digits = cells.str.extract(r"(\d{4})(?!.*\d{4})", expand=False)
            return in_brackets.fillna(last_digits).astype("Int64")
        case "categories":
            return cells.map(lambda cell: [] if pd.isna(cell) else cell.split(feature.separator))
        case _:
            return cells
