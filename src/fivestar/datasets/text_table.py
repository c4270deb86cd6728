"""A delimited file read as text, so that ids stay exactly as they are written."""

from __future__ import annotations

import csv as builtin_csv
import io
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa
from kedro.io import AbstractDataset, DatasetError
from pyarrow import csv

from fivestar.errors import InputError


class UnreadableTableError(InputError, DatasetError):
    """A file that is missing, empty or not the table that the catalog says it is."""


class TextTable(AbstractDataset[None, "pd.DataFrame | None"]):
    r"""Any delimited table; every cell is text, nothing is taken for a missing value.

    The frame's ``attrs`` hold ``file`` and ``first_line`` (the line of the first row), for
    messages about its rows.

    Parameters
    ----------
    filepath
        The file; None where a data set has no such table: it then loads as None.
    separator
        One character or more, such as ``,``, ``\t`` or ``::``.
    header
        Whether the first line names the columns.
    columns
        Names of the columns, in place of a header; without both they are ``0``, ``1``, ...
    encoding
        Such as ``utf-8`` (a byte order mark is skipped) or ``latin-1``.
    quote
        The character that encloses cells with separators or line breaks in them; None where
        the file has no quoting.
    ragged
        Whether rows may have more or fewer cells than columns; cells that lack are empty,
        those too many are dropped.
    metadata
        For other tools, such as kedro-viz.
    """

    def __init__(
        self,
        *,
        filepath: str | None,
        separator: str = ",",
        header: bool = True,
        columns: list[str] | None = None,
        encoding: str = "utf-8",
        quote: str | None = '"',
        ragged: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.path = None if filepath is None else Path(filepath)
        self.separator = separator
        self.header = header
        self.columns = columns
        self.encoding = encoding
        self.quote = quote
        self.ragged = ragged
        self.metadata = metadata

    def load(self) -> pd.DataFrame | None:
        if self.path is None:
            return None
        text = self._text()
        separator = self.separator
        if len(separator) > 1:
            # The reader splits at one character: one that no text table holds.
            text, separator = text.replace(separator, "\x1f"), "\x1f"
        if self.ragged:
            text = self._squared(text, separator)
        frame = self._parsed(text.encode(), separator).to_pandas().astype("str")
        frame.attrs = {"file": str(self.path), "first_line": 2 if self.header else 1}
        return frame

    def save(self, data: None) -> NoReturn:
        raise DatasetError(f"{self.path}: a raw table is read only")

    def _text(self) -> str:
        assert self.path is not None
        if not self.path.is_file():
            raise UnreadableTableError(
                f"{self.path}: no such file. Put the file there, or name another one in the "
                "catalog of the environment (conf/<environment>/catalog.yml)."
            )
        try:
            text = self.path.read_bytes().decode(self.encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise UnreadableTableError(
                f"{self.path}: not readable as {self.encoding} ({error}). "
                "Set `encoding` of the catalog entry (latin-1, for instance)."
            ) from error
        if not text.strip("\ufeff\r\n\t "):
            raise UnreadableTableError(f"{self.path}: the file is empty. Put the ratings there.")
        return text.removeprefix("\ufeff")

    def _squared(self, text: str, separator: str) -> str:
        lines = text.splitlines()
        width = len(self.columns or lines[0].rstrip(separator).split(separator))
        rows = ((line.split(separator) + [""] * width)[:width] for line in lines)
        return "\n".join(separator.join(row) for row in rows)

    def _parsed(self, data: bytes, separator: str) -> pa.Table:
        first_line = data.split(b"\n", 1)[0].decode().rstrip("\r")
        first_cells = _cells(first_line, separator, self.quote)
        positions = [str(n) for n in range(len(first_cells))]
        names = self.columns or (first_cells if self.header else positions)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UnreadableTableError(f"{self.path}: column {twice!r} occurs twice. Rename one.")
        try:
            return csv.read_csv(
                io.BytesIO(data),
                read_options=csv.ReadOptions(
                    column_names=names, skip_rows=int(self.header), use_threads=False
                ),
                parse_options=csv.ParseOptions(
                    delimiter=separator,
                    quote_char=self.quote or False,
                    newlines_in_values=self.quote is not None,
                ),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.large_string()),
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise UnreadableTableError(
                f"{self.path}: not a table of {len(names)} columns separated by "
                f"{self.separator!r} ({error}). Mend that row, or set `separator`, `quote`, "
                "`header` or `columns` of the catalog entry."
            ) from error

    def _exists(self) -> bool:
        return self.path is not None and self.path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path), "separator": self.separator}


def _cells(line: str, separator: str, quote: str | None) -> list[str]:
    quoting = builtin_csv.QUOTE_MINIMAL if quote else builtin_csv.QUOTE_NONE
    return next(builtin_csv.reader([line], delimiter=separator, quotechar=quote, quoting=quoting))
