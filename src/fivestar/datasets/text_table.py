"""A delimited file read as text, so that ids stay exactly as they are written."""

from __future__ import annotations

import codecs
import csv as builtin_csv
import io
import re
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pandas as pd
import pyarrow as pa
from kedro.io import AbstractDataset, DatasetError
from pyarrow import csv

from fivestar.errors import InputError

SHOWN = 5
"""Offending rows that a message names."""

READ_BYTES = 1 << 24
"""Of a file at a time."""

UNIT = "\x1f"
"""Stands for a separator of several characters: the reader splits at one, which no text holds."""


class UnreadableTableError(InputError, DatasetError):
    """A file that is missing, empty or not the table that the catalog says it is."""


class TextTable(AbstractDataset[None, "pd.DataFrame | None"]):
    r"""Any delimited table; every cell is text, nothing is taken for a missing value.

    The frame's ``attrs`` hold ``file`` and, where each row is one line, ``first_line`` (the line
    of the first row), for messages about its rows.

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
    replace
        Texts to put right before rows are split into cells.
    ragged
        Whether rows may have more or fewer cells than columns; cells that lack are empty,
        those too many are dropped. Such a file is read without quoting.
    surplus
        Of a ragged table, the column whose text may hold separators: cells too many are part
        of it, with a space for each separator.
    if_missing
        What to do where there is no such file, for the message.
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
        replace: dict[str, str] | None = None,
        ragged: bool = False,
        surplus: str | None = None,
        if_missing: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.path = None if filepath is None else Path(filepath)
        self.separator = separator
        self.header = header
        self.columns = columns
        self.encoding = encoding
        self.quote = None if ragged else quote
        self.replace = replace or {}
        self.ragged = ragged
        self.surplus = surplus
        self.if_missing = if_missing
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        return [] if self.path is None else [self.path]

    def load(self) -> pd.DataFrame | None:
        if self.path is None:
            return None
        table, n_lines = self._straight() or self._by_text()
        frame: pd.DataFrame = table.to_pandas().astype("str")
        if len(self.separator) > 1 and self.quote is not None:
            frame = frame.apply(lambda cells: cells.str.replace(UNIT, self.separator, regex=False))
        frame.attrs = {"file": str(self.path)}
        if n_lines == len(frame) + self.header:
            frame.attrs["first_line"] = 1 + self.header
        return frame

    def save(self, data: None) -> NoReturn:
        raise DatasetError(f"{self.path}: a raw table is read only")

    def _straight(self) -> tuple[pa.Table, int] | None:
        """The table out of the file's bytes, and its number of lines; None if it takes more.

        A plain table in UTF-8 is read by all cores, and never there as a whole as text. Whatever
        is wrong with a file is left to be found, and told, by the other way.
        """
        plain = len(self.separator) == 1 and not self.replace and not self.ragged
        if self.path is None or not self.path.is_file() or not plain:
            return None
        if self.encoding.lower() not in ("utf-8", "utf8"):
            return None
        facts = _Facts.of(self.path, self.quote, self.header)
        if facts is None:
            return None
        names = self._names(facts.first_line, self.separator)
        options = self._options(names, self.separator, quoted=facts.quoted)
        try:
            table = csv.read_csv(
                self.path,
                csv.ReadOptions(
                    column_names=names, skip_rows=int(self.header), block_size=READ_BYTES
                ),
                *options,
            )
        except pa.ArrowInvalid:
            return None
        if facts.quoted and "\n" in _last_cell(table):
            return None
        return table, facts.n_lines

    def _by_text(self) -> tuple[pa.Table, int]:
        """The table out of the file's text, and how many lines that has."""
        text = self._text()
        n_lines = text.rstrip("\r\n").count("\n") + 1
        for wrong, right in self.replace.items():
            text = text.replace(wrong, right)
        separator = self.separator
        if len(separator) > 1:
            text, separator = text.replace(separator, UNIT), UNIT
        if self.ragged:
            text = self._squared(text, separator)
        return self._parsed(text, separator), n_lines

    def _text(self) -> str:
        """The file's text, each line with its end."""
        assert self.path is not None
        if self.path.is_dir():
            raise UnreadableTableError(
                f"{self.path}: is a folder. Name the file in the catalog of the environment "
                "(conf/<environment>/catalog.yml)."
            )
        if not self.path.is_file():
            fetch = (
                f"Fetch it (python -m fivestar.download {self.path.parent.name}), put it there by "
                "hand, or name another one in the catalog of the environment "
                "(conf/<environment>/catalog.yml)."
            )
            raise UnreadableTableError(f"{self.path}: no such file. {self.if_missing or fetch}")
        try:
            text = self.path.read_bytes().decode(self.encoding)
        except (UnicodeError, LookupError) as error:
            likely = "utf-16" if _has_mark_of_utf_16(self.path) else "latin-1, for instance"
            raise UnreadableTableError(
                f"{self.path}: not readable as {self.encoding} ({error}). "
                f"Set `encoding` of the catalog entry ({likely})."
            ) from error
        text = text.removeprefix("\ufeff")
        if not text or text.isspace():
            raise UnreadableTableError(f"{self.path}: the file is empty. Put its rows there.")
        if (at := text.find("\0")) >= 0:
            line = text.count("\n", 0, at) + 1
            raise UnreadableTableError(
                f"{self.path}: a byte 0 in line {line}: no text in {self.encoding}. Set `encoding` "
                "of the catalog entry (utf-16-le, for instance), or copy the file again."
            )
        if "\n" not in text:
            text = text.replace("\r", "\n")
        return text if text.endswith("\n") else text + "\n"

    def _squared(self, text: str, separator: str) -> str:
        """The text with as many cells in every line as there are columns."""
        lines = [line for line in re.split(r"\r?\n", text) if line]
        names = self.columns or lines[0].rstrip(separator).split(separator)
        if self.surplus is not None and self.surplus not in names:
            raise self._no_table(f"`surplus` names {self.surplus!r}, which is no column")
        width = len(names)
        wide = width if self.surplus is None else names.index(self.surplus)
        rows = []
        for line in lines:
            cells = line.split(separator)
            n_surplus = len(cells) - width - (cells[-1] == "")  # a separator may end the line
            if n_surplus > 0:
                joined = " ".join(cell.strip() for cell in cells[wide : wide + n_surplus + 1])
                cells[wide : wide + n_surplus + 1] = [joined]
            rows.append(separator.join((cells + [""] * width)[:width]))
        return "\n".join(rows) + "\n"

    def _parsed(self, text: str, separator: str) -> pa.Table:
        text = text.lstrip("\r\n") if text[0] in "\r\n" else text
        names = self._names(text[: text.index("\n")], separator)
        bad_rows: list[csv.InvalidRow] = []

        def skip(row: csv.InvalidRow) -> str:
            bad_rows.append(row)
            return "skip"

        parsing, conversion = self._options(names, separator, quoted=self.quote is not None)
        parsing.invalid_row_handler = skip
        try:
            table = csv.read_csv(
                io.BytesIO(text.encode()),
                read_options=csv.ReadOptions(
                    column_names=names, skip_rows=int(self.header), use_threads=False
                ),
                parse_options=parsing,
                convert_options=conversion,
            )
        except pa.ArrowInvalid as error:
            raise self._no_table(f"not a table of {len(names)} columns ({error})") from error
        if bad_rows:
            rows = ", ".join(
                f"{row.number - self.header} (line {row.number}) has {row.actual_columns} "
                f"({row.text[:80]!r})"
                for row in bad_rows[:SHOWN]
            )
            more = f" and {len(bad_rows) - SHOWN:,} more" if len(bad_rows) > SHOWN else ""
            raise self._no_table(f"not {len(names)} cells in every row: row {rows}{more}")
        if self.quote is not None and _unclosed(table, text):
            raise self._no_table(f"a quote {self.quote} is opened and never closed")
        return table

    def _names(self, first_line: str, separator: str) -> list[str]:
        """Of the columns; the first line may be their header."""
        first_cells = _cells(first_line.rstrip("\r\n"), separator, self.quote)
        numbers = [str(n) for n in range(len(first_cells))]
        names = self.columns or (first_cells if self.header else numbers)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UnreadableTableError(f"{self.path}: column {twice!r} occurs twice. Rename one.")
        return names

    def _options(
        self, names: list[str], separator: str, *, quoted: bool
    ) -> tuple[csv.ParseOptions, csv.ConvertOptions]:
        """How rows are split into cells, all of them text."""
        parsing = csv.ParseOptions(
            delimiter=separator, quote_char=self.quote or False, newlines_in_values=quoted
        )
        text = dict.fromkeys(names, pa.large_string())
        return parsing, csv.ConvertOptions(column_types=text, strings_can_be_null=False)

    def _no_table(self, what: str) -> UnreadableTableError:
        return UnreadableTableError(
            f"{self.path}: {what}. The separator is {self.separator!r}. Fix the rows, or set "
            "`separator`, `quote`, `header` or `columns` of the catalog entry."
        )

    def _exists(self) -> bool:
        return self.path is not None and self.path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path), "separator": self.separator}


def _cells(line: str, separator: str, quote: str | None) -> list[str]:
    quoting: Any = builtin_csv.QUOTE_MINIMAL if quote else builtin_csv.QUOTE_NONE
    return next(builtin_csv.reader([line], delimiter=separator, quotechar=quote, quoting=quoting))


class _Facts(NamedTuple):
    """What is to be known of a file before it is read as a table."""

    first_line: str
    n_lines: int
    """Empty ones at the end are not counted."""
    quoted: bool
    """Whether there are quotes below the header."""

    @classmethod
    def of(cls, path: Path, quote: str | None, header: bool) -> _Facts | None:
        """None of a file that begins with an empty line, or ends with thousands of them.

        Nor of one that holds a byte 0.
        """
        with path.open("rb") as file:
            first = file.readline(READ_BYTES)
            n_ends, quoted, last = 1, False, first
            zero = b"\0" in first
            if not header:
                file.seek(n_ends := 0)
            while block := file.read(READ_BYTES):
                n_ends += block.count(b"\n")
                quoted = quoted or (quote is not None and quote.encode() in block)
                zero = zero or b"\0" in block
                last = block
        rest = last.rstrip(b"\r\n")
        try:
            line = first.decode("utf-8-sig")
        except UnicodeError:
            return None
        if zero or not line.strip() or not line.endswith("\n") or not rest:
            return None
        return cls(line, n_ends - last[len(rest) :].count(b"\n") + 1, quoted)


def _last_cell(table: pa.Table) -> str:
    return str(table.column(table.num_columns - 1)[-1]) if table.num_rows else ""


def _unclosed(table: pa.Table, text: str) -> bool:
    """Whether the last cell swallowed the rest of the file, its line breaks too."""
    last = _last_cell(table)
    return "\n" in last and bool(last.strip()) and text.endswith(last)


def _has_mark_of_utf_16(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
