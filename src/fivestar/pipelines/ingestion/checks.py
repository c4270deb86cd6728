"""Checks of raw tables: each finds the first offending rows and says how to mend them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fivestar.errors import InputError
from fivestar.ratings import Scale

SHOWN = 5
"""Offending rows that a message names."""


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table with text in every cell, as a ``TextTable`` has it.

    Tables of other Kedro datasets may hold numbers and missing values. These become empty;
    whole numbers are written without a fraction, as ids are.
    """
    if all(isinstance(dtype, pd.StringDtype) for dtype in table.dtypes) and not (
        table.isna().any(axis=None)
    ):
        return table
    text = table.apply(_written)
    text.attrs = dict(table.attrs)
    return text


def require_columns(table: pd.DataFrame, names: list[str], setting: str) -> None:
    """Every declared column is in the file."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(
            f"{file_of(table)}: no column {_listed(missing)}; the file has "
            f"{_listed(list(table.columns))}. Set `{setting}` in the environment's parameters."
        )


def require_rows(table: pd.DataFrame, what: str) -> None:
    """The file holds more than its header."""
    if table.empty:
        raise InputError(f"{file_of(table)}: no rows. It needs at least one {what}.")


def require_ids(table: pd.DataFrame, column: str) -> None:
    """No id is empty."""
    empty = table[column].str.strip() == ""
    refuse(table, column, empty, "an empty id", "Fill in the ids or delete the rows.")


def numbers(table: pd.DataFrame, column: str) -> pd.Series:
    """The column as float64.

    Raises
    ------
    InputError
        If a cell is empty, not a number, or not a finite one.
    """
    text = table[column]
    refuse(table, column, text.str.strip() == "", "no rating", "Fill it in or delete the rows.")
    values = parse_numbers(text)
    mend = "Write numbers such as 4 or 3.5, or delete the rows."
    words = values.isna() & ~text.str.strip().str.lower().isin({"nan", "+nan", "-nan"})
    refuse(table, column, words, "not a number", mend)
    refuse(table, column, ~np.isfinite(values), "not a finite number", mend)
    return values


def parse_numbers(text: pd.Series) -> pd.Series:
    """Numbers in the cells, float64; NaN where a cell holds none."""
    try:
        # The fast way; it knows nothing of single bad cells.
        values = pc.cast(pc.utf8_trim_whitespace(pa.array(text)), pa.float64())
        return pd.Series(values.to_numpy(zero_copy_only=False), index=text.index)
    except pa.ArrowInvalid:
        return pd.to_numeric(text, errors="coerce").astype(np.float64)


def require_scale(table: pd.DataFrame, column: str, values: pd.Series, scale: Scale) -> None:
    """Every rating lies on the declared scale."""
    outside = (values < scale.lowest) | (values > scale.highest)
    refuse(
        table,
        column,
        outside,
        f"outside the scale {scale.lowest:g} to {scale.highest:g}",
        "Mend the rows, or set `scale` in the environment's parameters.",
    )


def require_unique(table: pd.DataFrame, columns: list[str], mend: str) -> None:
    """No two rows share the values of all ``columns``."""
    again = table.duplicated(columns, keep="first")
    if again.any():
        first = table.loc[again, columns].iloc[0]
        same = np.logical_and.reduce([table[name] == first[name] for name in columns])
        rows = np.flatnonzero(same)
        pair = " and ".join(f"{name} {first[name]!r}" for name in columns)
        raise InputError(
            f"{file_of(table)}: {_listed(columns)}: {again.sum():,} rows repeat an earlier one; "
            f"first {pair} in {_rows(table, rows)}. {mend}"
        )


def refuse(table: pd.DataFrame, column: str, bad: pd.Series, what: str, mend: str) -> None:
    """Raise one error that names file, column, the first bad rows with their cells, the mend."""
    if not bad.any():
        return
    rows = np.flatnonzero(bad)
    cells = ", ".join(repr(cell) for cell in table[column].iloc[rows[:SHOWN]])
    raise InputError(
        f"{file_of(table)}: column {column!r}: {what} in {_rows(table, rows)} ({cells}). {mend}"
    )


def file_of(table: pd.DataFrame) -> str:
    """The file a table was read from, for messages."""
    return str(table.attrs.get("file", "the table"))


def _rows(table: pd.DataFrame, rows: np.ndarray) -> str:
    first_line = table.attrs.get("first_line")
    named = ", ".join(
        str(row + 1) if first_line is None else f"{row + 1} (line {row + first_line})"
        for row in rows[:SHOWN]
    )
    more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {named}{more}"


def _written(cells: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(cells) and (cells.dropna().abs() < 2**53).all():
        whole = cells.round().astype("Int64")  # what missing cells made floats of
        cells = whole if (cells.dropna() == whole.dropna()).all() else cells
    return cells.astype("str").where(cells.notna(), "")


def _listed(names: list[str]) -> str:
    return ", ".join(repr(str(name)) for name in names)
