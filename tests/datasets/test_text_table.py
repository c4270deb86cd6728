"""Whatever a delimited file looks like, its cells arrive as they are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DatasetError

from fivestar.datasets import TextTable
from fivestar.errors import InputError

Load = Callable[..., pd.DataFrame]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write text (or bytes) to a file and load it as a table."""

    def write_and_load(text: str | bytes, **settings: Any) -> pd.DataFrame:
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        frame = TextTable(filepath=str(path), **settings).load()
        assert frame is not None
        assert frame.dtypes.eq("str").all()
        return frame

    return write_and_load


def rows(frame: pd.DataFrame) -> list[list[str]]:
    return frame.to_numpy().tolist()


def test_header_names_the_columns(load: Load) -> None:
    frame = load("User,ASIN\na,b\n")
    assert frame.columns.tolist() == ["User", "ASIN"]
    assert rows(frame) == [["a", "b"]]


@pytest.mark.parametrize(
    ("settings", "names", "expected"),
    [
        ({"header": False}, ["0", "1"], [["1", "2"], ["3", "4"]]),
        ({"header": False, "columns": ["u", "i"]}, ["u", "i"], [["1", "2"], ["3", "4"]]),
        ({"columns": ["u", "i"]}, ["u", "i"], [["3", "4"]]),
    ],
)
def test_columns_without_a_header_or_in_its_place(
    load: Load, settings: dict[str, Any], names: list[str], expected: list[list[str]]
) -> None:
    frame = load("1,2\n3,4\n", **settings)
    assert frame.columns.tolist() == names
    assert rows(frame) == expected


@pytest.mark.parametrize("separator", [",", "\t", "|", ";", "::", " || "])
def test_separators(load: Load, separator: str) -> None:
    frame = load(f"a{separator}b\n1:2{separator}3\n", separator=separator)
    assert frame.columns.tolist() == ["a", "b"]
    assert rows(frame) == [["1:2", "3"]]


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoted", ["", '"x, y"', '"x\ny"'])
def test_a_plain_file_reads_the_same_from_its_bytes_as_from_its_text(
    load: Load, monkeypatch: pytest.MonkeyPatch, header: bool, end: str, quoted: str
) -> None:
    lines = ["\ufeffa,b", quoted + ",0", *(f"{n},{n % 7}" for n in range(500)), end]
    text = end.join(lines)
    monkeypatch.setattr("fivestar.datasets.text_table.READ_BYTES", 700)
    from_bytes = load(text, header=header)
    monkeypatch.setattr(TextTable, "_straight", lambda self: None)
    from_text = load(text, header=header)
    pd.testing.assert_frame_equal(from_bytes, from_text)
    assert from_bytes.attrs == from_text.attrs


@pytest.mark.parametrize("separator", [",", "::"])
def test_quotes_enclose_separators_quotes_and_line_breaks(load: Load, separator: str) -> None:
    title = f'"Mouse{separator} ""Mickey""\nand all"'
    frame = load(f"item{separator}title\n1{separator}{title}\n", separator=separator)
    assert rows(frame) == [["1", f'Mouse{separator} "Mickey"\nand all']]


def test_quotes_inside_a_cell_are_part_of_it(load: Load) -> None:
    assert rows(load('a,b\n5" floppy,2\n')) == [['5" floppy', "2"]]


def test_without_quoting_quotes_are_characters_like_others(load: Load) -> None:
    frame = load('1::"Great" (1990)\n2::"\n', separator="::", header=False, quote=None)
    assert rows(frame) == [["1", '"Great" (1990)'], ["2", '"']]


@pytest.mark.parametrize(
    "cell",
    [
        *("0373778295", "B00APSWJM4", "NA", "null", "None", "nan", "1e5", "1.0", "True", "+7", ""),
        *("2026-01-31", " padded ", "12345678901234567890123", "\u00e9\u4e2d\U0001f600", "#N/A"),
    ],
)
def test_cells_are_kept_exactly(load: Load, cell: str) -> None:
    assert rows(load(f"id,x\n{cell},1\n")) == [[cell, "1"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("at_the_end", [True, False])
def test_line_ends_and_a_last_line_without_one(load: Load, end: str, at_the_end: bool) -> None:
    text = end.join(["a,b", "1,2", "3,4"]) + end * at_the_end
    frame = load(text)
    assert frame.columns.tolist() == ["a", "b"]
    assert rows(frame) == [["1", "2"], ["3", "4"]]
    assert frame.attrs["first_line"] == 2


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "cp1252"])
def test_encodings(load: Load, encoding: str) -> None:
    frame = load("item,title\n1,Am\u00e9lie\n".encode(encoding), encoding=encoding)
    assert rows(frame) == [["1", "Am\u00e9lie"]]


def test_byte_order_mark_is_no_part_of_the_first_name(load: Load) -> None:
    assert load("\ufeffuser,item\n1,2\n").columns.tolist() == ["user", "item"]


def test_header_alone_is_a_table_without_rows(load: Load) -> None:
    for text in ("user,item\n", "user,item"):
        frame = load(text)
        assert frame.columns.tolist() == ["user", "item"]
        assert frame.empty


def test_lines_are_known_only_where_each_row_is_one_line(load: Load, tmp_path: Path) -> None:
    assert load("1,2\n", header=False).attrs == {
        "file": str(tmp_path / "table.csv"),
        "first_line": 1,
    }
    assert load("a,b\n1,2\n\n\n").attrs["first_line"] == 2
    for text in ("a,b\n1,2\n\n3,4\n", 'a,b\n"1\n1",2\n', "\n\na,b\n007,2\n"):
        assert "first_line" not in load(text).attrs


def test_empty_lines_before_the_header_do_not_matter(load: Load) -> None:
    assert rows(load("\n\r\na,b\n007,2\n")) == [["007", "2"]]


def test_ragged_rows_are_squared(load: Load) -> None:
    text = "id\tname\tage\n1\tAnn\t24\t\n2\tBob\n\n3\tCy\t30\tx\ty\n"
    frame = load(text, separator="\t", ragged=True)
    assert rows(frame) == [["1", "Ann", "24"], ["2", "Bob", ""], ["3", "Cy", "30"]]


def test_surplus_cells_of_a_ragged_row_belong_to_the_column_named(load: Load) -> None:
    text = "id;title;year;\n1;Plain;1999;\n2;A ;b; c;2000;\n3;Wide; and open;2001\n4;Short\n"
    frame = load(text, separator=";", ragged=True, surplus="title")
    assert rows(frame) == [
        ["1", "Plain", "1999"],
        ["2", "A b c", "2000"],
        ["3", "Wide and open", "2001"],
        ["4", "Short", ""],
    ]
    with pytest.raises(InputError, match="`surplus` names 'name', which is no column"):
        load(text, separator=";", ragged=True, surplus="name")


def test_ragged_rows_break_at_line_ends_only(load: Load) -> None:
    text = 'id\ttitle\r\n1\tA\x85b\x0bc\u2028"d\r\n'
    assert rows(load(text, separator="\t", ragged=True)) == [["1", 'A\x85b\x0bc\u2028"d']]


def test_texts_are_put_right_before_rows_are_split(load: Load) -> None:
    frame = load("a\tb\nNorton &amp\t Co\t2\n", separator="\t", replace={"&amp\t": "&"})
    assert rows(frame) == [["Norton & Co", "2"]]


def test_no_file_named_is_no_table() -> None:
    dataset = TextTable(filepath=None)
    assert dataset.load() is None
    assert not dataset.exists()


def test_a_raw_table_is_read_only(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="read only"):
        TextTable(filepath=str(tmp_path / "table.csv")).save(pd.DataFrame())


def test_missing_file_is_named(tmp_path: Path) -> None:
    dataset = TextTable(filepath=str(tmp_path / "none.csv"))
    assert not dataset.exists()
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        dataset.load()


@pytest.mark.parametrize("text", ["", "\n", " \r\n\t\n", "\ufeff"])
def test_empty_file_is_refused(load: Load, text: str) -> None:
    with pytest.raises(InputError, match=r"table\.csv: the file is empty"):
        load(text)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "klingon"])
def test_wrong_encoding_is_refused(load: Load, encoding: str) -> None:
    with pytest.raises(InputError, match=f"not readable as {encoding}.*Set `encoding`"):
        load("title\nAm\u00e9lie!\n".encode("latin-1"), encoding=encoding)


def test_a_mark_of_utf_16_tells_the_encoding(load: Load) -> None:
    with pytest.raises(InputError, match=r"Set `encoding`.*\(utf-16\)"):
        load("title\nAm\u00e9lie!\n".encode("utf-16"))


def test_wrong_number_of_cells_names_the_first_rows(load: Load) -> None:
    text = "a,b\n" + "1,2\n" * 3 + "3\n" + "1,2\n" + "4,5,6\n" * 100
    with pytest.raises(InputError) as error:
        load(text)
    message = str(error.value)
    assert "table.csv: not 2 cells in every row: row 4 (line 5) has 1 ('3'), " in message
    assert "6 (line 7) has 3 ('4,5,6')" in message
    assert "and 96 more" in message
    assert message.count("4,5,6") == 4


def test_wrong_number_of_cells_without_a_header(load: Load) -> None:
    with pytest.raises(InputError, match=r"row 2 \(line 2\) has 1 \('3'\)"):
        load("1,2\n3\n", header=False)


def test_column_that_occurs_twice_is_refused(load: Load) -> None:
    with pytest.raises(InputError, match="column 'a' occurs twice"):
        load("a,b,a\n1,2,3\n")


@pytest.mark.parametrize("text", ['a,b\n1,"x\n2,y\n3,z\n', 'a,b\n1,"x\n2,y'])
def test_quote_that_is_never_closed_is_refused(load: Load, text: str) -> None:
    with pytest.raises(InputError, match='a quote " is opened and never closed'):
        load(text)


@pytest.mark.parametrize("cell", ['"x\ny"', '"x\n"', '"\n"', '"a ""b\n"""'])
def test_quote_that_is_closed_at_the_very_end_is_none_of_these(load: Load, cell: str) -> None:
    for end in ("\n", ""):
        expected = cell[1:-1].replace('""', '"')
        assert rows(load(f"a,b\n1,{cell}{end}")) == [["1", expected]]
