"""Checks of raw tables: each finds the first offending rows and says how to fix them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fivestar.errors import InputError
from fivestar.ratings import Scale

Mask = pd.Series | NDArray[np.bool_]

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


def require_ids(table: pd.DataFrame, *columns: str) -> None:
    """No id is empty."""
    for column in columns:
        empty = table[column].str.strip() == ""
        refuse(table, [column], empty, "an empty id", "Fill in the ids or delete the rows.")


def ratings(table: pd.DataFrame, column: str, scale: Scale) -> pd.Series:
    """The column as float64, each a finite number on the scale."""
    text = table[column]
    refuse(table, [column], text.str.strip() == "", "no rating", "Fill it in or delete the rows.")
    values = parse_numbers(text)
    fix = "Write numbers such as 4 or 3.5, or delete the rows."
    words = values.isna() & ~text.str.strip().str.lower().isin({"nan", "+nan", "-nan"})
    refuse(table, [column], words, "not a number", fix)
    refuse(table, [column], ~np.isfinite(values), "not a finite number", fix)
    what = f"outside the scale {scale.lowest:g} to {scale.highest:g}"
    fix = "Fix the rows, or set `scale` in the environment's parameters."
    refuse(table, [column], ~values.between(scale.lowest, scale.highest), what, fix)
    return values


def weights(table: pd.DataFrame, column: str) -> pd.Series:
    """The column as float64, each a positive finite number."""
    values = parse_numbers(table[column])
    fix = "Write numbers above 0, such as 1 or 2.5, or delete the rows that shall not count."
    refuse(table, [column], ~(np.isfinite(values) & (values > 0)), "not a positive number", fix)
    return values


def parse_numbers(text: pd.Series) -> pd.Series:
    """Numbers in the cells, float64; NaN where a cell holds none."""
    try:
        # The fast way; it knows nothing of single bad cells.
        values = pc.cast(pc.utf8_trim_whitespace(pa.array(text)), pa.float64())
        return pd.Series(values.to_numpy(zero_copy_only=False), index=text.index)
    except pa.ArrowInvalid:
        return pd.to_numeric(text, errors="coerce").astype(np.float64)


def require_unique(table: pd.DataFrame, columns: list[str], fix: str) -> None:
    """No two rows share the values of all ``columns``."""
    again = table.duplicated(columns)
    if n := again.sum():
        first = table.loc[again, columns].iloc[0]
        same = (table[columns] == first).all(axis=1)
        values = " and ".join(f"{name} {first[name]!r}" for name in columns)
        repeat = f"{n:,} rows repeat" if n > 1 else "1 row repeats"
        raise InputError(
            f"{file_of(table)}: {_listed(columns)}: {repeat} an earlier one; "
            f"first {values} in {_rows(table, same)}. {fix}"
        )


def refuse(table: pd.DataFrame, columns: list[str], bad: Mask, what: str, fix: str) -> None:
    """Raise one error that names file, columns, the first bad rows with their cells, the fix."""
    if bad.any():
        shown = table[columns].iloc[np.flatnonzero(bad)[:SHOWN]].to_numpy()
        cells = ", ".join(" and ".join(map(repr, row)) for row in shown)
        where = f"column{'s' * (len(columns) > 1)} {_listed(columns)}"
        raise InputError(
            f"{file_of(table)}: {where}: {what} in {_rows(table, bad)} ({cells}). {fix}"
        )


def file_of(table: pd.DataFrame) -> str:
    """The file a table was read from, for messages."""
    return str(table.attrs.get("file", "the table"))


def _rows(table: pd.DataFrame, bad: Mask) -> str:
    rows = np.flatnonzero(bad)
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
