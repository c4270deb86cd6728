"""Checks of raw tables: each finds the first offending rows and says how to fix them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fivestar.errors import InputError
from fivestar.ratings import Scale
from fivestar.ratings.ids import Codes, encode

Mask = pd.Series | NDArray[np.bool_]

SHOWN = 5
"""Offending rows that a message names."""


class Cells(NamedTuple):
    """A column's different texts, and which of them each row holds: each is looked at once."""

    texts: pd.Series
    codes: Codes

    @classmethod
    def of(cls, column: pd.Series) -> Cells:
        encoded = encode(column)
        return cls(pd.Series(encoded.categories), encoded.codes)

    def rows(self, of_texts: pd.Series) -> NDArray[Any]:
        """What holds for each row, of what holds for each text."""
        by_row: NDArray[Any] = of_texts.to_numpy()[self.codes]
        return by_row


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
        separator = "`separator` of the catalog entry, or " if len(table.columns) == 1 else ""
        raise InputError(
            f"{file_of(table)}: no column {_listed(missing)}; the file has "
            f"{_listed(list(table.columns))}. Set {separator}`{setting}` in the environment's "
            "parameters."
        )


def require_rows(table: pd.DataFrame, what: str) -> None:
    """The file holds more than its header."""
    if table.empty:
        raise InputError(f"{file_of(table)}: no rows. It needs at least one {what}.")


def ids(table: pd.DataFrame, column: str) -> pd.Series:
    """The column as categories, none of them an empty id."""
    encoded = pd.Series(encode(table[column]), index=table.index)
    if (encoded.cat.categories.str.strip() == "").any():
        empty = table[column].str.strip() == ""
        refuse(table, [column], empty, "an empty id", "Fill in the ids or delete the rows.")
    return encoded


def ratings(table: pd.DataFrame, column: str, scale: Scale) -> NDArray[np.float64]:
    """The column as float64, each a finite number on the scale."""
    cells = Cells.of(table[column])
    text = cells.texts.str.strip()
    values = parse_numbers(text)

    def refuse_texts(bad: pd.Series, what: str, fix: str) -> None:
        if bad.any():
            refuse(table, [column], cells.rows(bad), what, fix)

    refuse_texts(text == "", "no rating", "Fill it in or delete the rows.")
    fix = "Write numbers such as 4 or 3.5, or delete the rows."
    words = values.isna() & ~text.str.lower().isin({"nan", "+nan", "-nan"})
    refuse_texts(words, "not a number", fix)
    refuse_texts(~np.isfinite(values), "not a finite number", fix)
    what = f"outside the scale {scale.lowest:g} to {scale.highest:g}"
    fix = "Fix the rows, or set `scale` in the environment's parameters."
    refuse_texts(~values.between(scale.lowest, scale.highest), what, fix)
    return cells.rows(values)


def weights(table: pd.DataFrame, column: str) -> pd.Series:
    """The column as float64, each a positive finite number."""
    values = parse_numbers(table[column])
    fix = "Write numbers above 0, such as 1 or 2.5, or delete the rows that shall not count."
    refuse(table, [column], ~(np.isfinite(values) & (values > 0)), "not a positive number", fix)
    return values


def parse_numbers(text: pd.Series) -> pd.Series:
    """Numbers in the cells, float64; NaN where a cell holds none."""
    cells = pa.array(text)
    for trim in (False, True):
        try:
            # The fast ways; they know nothing of single bad cells.
            trimmed = pc.utf8_trim_whitespace(cells) if trim else cells
            values = pc.cast(trimmed, pa.float64()).to_numpy(zero_copy_only=False)
            return pd.Series(values, index=text.index)
        except pa.ArrowInvalid:
            continue
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
