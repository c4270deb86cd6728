"""Raw files that are no tables, or tables with mistakes."""

from __future__ import annotations

import gzip

from benchmarks.bad_input.case import (
    DEMO,
    HEADER,
    ITEMS,
    PAIRS,
    RATINGS,
    RUN,
    USERS,
    Case,
    after_header,
    append,
    both,
    change,
    copy,
    delete,
    folder,
    read_error,
    recode,
    truncate,
    write,
)

CATALOG = "conf/mine/catalog.yml"
PARAMETERS = "conf/mine/parameters.yml"
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x80\x00\x00\x01\xe0\x08\x06\x00\xff\xfe\x9d\n"
PAGE = "<!DOCTYPE html>\n<html>\n<body>404, not found</body>\n</html>\n"
NO_BYTES = "the file is empty"
CELLS = "not 3 cells in every row"
SEPARATOR = "Fix the rows, or set `separator`, `quote`, `header` or `columns`"
COLUMNS = "Set `ingestion.columns` in the environment's parameters"
NUMBERS = "Write numbers such as 4 or 3.5, or delete the rows."
SCALE = "Fix the rows, or set `scale` in the environment's parameters."
ENCODING = "Set `encoding` of the catalog entry"


def bad_row(wrong: str, row: str, what: str, fix: str, column: str = "'stars'") -> Case:
    """A row of the ratings with a mistake in one cell."""
    where = f"{RATINGS}: column {column}"
    return Case(wrong, RUN, where, f"{what} in row 1 (line 2)", fix, after_header(RATINGS, row))


FILES = [
    Case(
        "the file is missing", RUN, RATINGS, "no such file", "put it there by hand", delete(RATINGS)
    ),
    Case(
        "the data set was never fetched",
        "run --env ml-1m",
        "data/01_raw/ml-1m/ratings.dat",
        "no such file",
        "python -m fivestar.download ml-1m",
    ),
    Case("the file is empty", RUN, RATINGS, NO_BYTES, "Put its rows there", write(RATINGS, "")),
    Case("only empty lines", RUN, RATINGS, NO_BYTES, "Put its rows", write(RATINGS, "\n \n\n")),
    Case("only a header", RUN, RATINGS, "no rows", "at least one rating", write(RATINGS, HEADER)),
    Case("a folder in its place", RUN, RATINGS, "a folder, no file", "Name", folder(RATINGS)),
    Case("the disk gives an error", RUN, RATINGS, "cannot be read", "", read_error(RATINGS)),
    Case("a picture", RUN, RATINGS, "not readable as utf-8", ENCODING, write(RATINGS, PICTURE)),
    Case(
        "packed with gzip",
        RUN,
        RATINGS,
        "not readable as utf-8",
        "Unpack",
        write(RATINGS, gzip.compress(b"reader,book,stars\nr01,b01,4\n", mtime=0)),
    ),
    Case(
        "a spreadsheet (.xlsx) under the name of a table",
        RUN,
        RATINGS,
        "",
        "",
        write(RATINGS, b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00A7\x82\xcf"),
    ),
    Case(
        "the page of a failed download", RUN, RATINGS, "no column", COLUMNS, write(RATINGS, PAGE)
    ),
    Case("cut off within a row", RUN, RATINGS, CELLS, SEPARATOR, truncate(RATINGS, 0.4995)),
    Case("the pairs are missing", RUN, PAIRS, "no such file", "Fetch it", delete(PAIRS)),
    Case("the people are missing", "run", USERS, "no such file", "Fetch it", delete(USERS)),
    Case("the items are empty", "run", ITEMS, NO_BYTES, "Put its rows there", write(ITEMS, "")),
]

ENCODINGS = [
    Case("UTF-16", RUN, RATINGS, "not readable as utf-8", "utf-16", recode(RATINGS, "utf-16")),
    Case(
        "UTF-16 without a mark", RUN, RATINGS, "NUL", "utf-16", recode(RATINGS, "utf-16-le")
    ),
    Case("UTF-32", RUN, RATINGS, "not readable as utf-8", ENCODING, recode(RATINGS, "utf-32")),
    Case("Latin-1", RUN, RATINGS, "not readable as utf-8", "latin-1", recode(RATINGS, "latin-1")),
    Case(
        "a NUL byte in an id",
        RUN,
        RATINGS,
        "NUL",
        "",
        change(RATINGS, "r01,b01", "r\x0001,b01"),
    ),
    Case(
        "an encoding that does not exist",
        RUN,
        RATINGS,
        "not readable as utf-9",
        ENCODING,
        change(CATALOG, "reviews.csv", "reviews.csv, encoding: utf-9"),
    ),
    Case(
        "people in Latin-1, read as UTF-8",
        "run",
        USERS,
        "not readable as utf-8",
        ENCODING,
        both(change(USERS, "writer", "r01"), recode(USERS, "latin-1")),
    ),
]

SHAPES = [
    Case(
        "semicolons instead of commas",
        RUN,
        RATINGS,
        "no column 'reader', 'book', 'stars'; the file has 'reader;book;stars'",
        "`separator`",
        write(RATINGS, "reader;book;stars\nr01;b01;4\nr02;b01;5\n"),
    ),
    Case(
        "the catalog says tabs, the file has commas",
        RUN,
        RATINGS,
        "no column",
        "`separator`",
        change(CATALOG, "reviews.csv", 'reviews.csv, separator: "\\t"'),
    ),
    Case("a cell too many", RUN, RATINGS, CELLS, SEPARATOR, after_header(RATINGS, "r01,b01,4,x")),
    Case("a cell too few", RUN, RATINGS, CELLS, SEPARATOR, after_header(RATINGS, "r01,b01")),
    Case(
        "an unquoted comma in an id", RUN, RATINGS, CELLS, SEPARATOR, append(RATINGS, "Doe, J,b,4\n")
    ),
    Case(
        "a quote that is never closed",
        RUN,
        RATINGS,
        'a quote " is opened and never closed',
        SEPARATOR,
        append(RATINGS, 'r01,b99,"4\n'),
    ),
    Case(
        "two columns of one name",
        RUN,
        RATINGS,
        "column 'book' occurs twice",
        "Rename one",
        change(RATINGS, HEADER, "book,book,stars"),
    ),
    Case(
        "a column is missing",
        RUN,
        RATINGS,
        "no column 'stars'; the file has 'reader', 'book'",
        COLUMNS,
        write(RATINGS, "reader,book\nr01,b01\n"),
    ),
    Case(
        "a column by another name",
        RUN,
        RATINGS,
        "no column 'book'; the file has 'reader', 'Book', 'stars'",
        COLUMNS,
        change(RATINGS, HEADER, "reader,Book,stars"),
    ),
    Case(
        "spaces around the names of columns",
        RUN,
        RATINGS,
        "no column 'book', 'stars'; the file has 'reader', ' book', ' stars'",
        COLUMNS,
        change(RATINGS, HEADER, "reader, book, stars"),
    ),
    Case(
        "no header",
        RUN,
        RATINGS,
        "no column 'reader', 'book', 'stars'; the file has",
        COLUMNS,
        change(RATINGS, HEADER + "\n", ""),
    ),
]

VALUES = [
    bad_row("a word for a rating", "r99,b99,four", "not a number", NUMBERS),
    bad_row("a rating in percent", "r99,b99,80%", "not a number", NUMBERS),
    bad_row("a decimal comma", 'r99,b99,"3,5"', "not a number", NUMBERS),
    bad_row("an empty rating", "r99,b99,", "no rating", "Fill it in or delete the rows."),
    bad_row("a rating of spaces", "r99,b99,  ", "no rating", "Fill it in or delete the rows."),
    bad_row("NaN for a rating", "r99,b99,NaN", "not a finite number", NUMBERS),
    bad_row("an infinite rating", "r99,b99,-inf", "not a finite number", NUMBERS),
    bad_row("a rating too large for a number", "r99,b99,1e999", "not a finite number", NUMBERS),
    bad_row("a rating above the scale", "r99,b99,6", "outside the scale 1 to 5", SCALE),
    bad_row("a rating below the scale", "r99,b99,0.5", "outside the scale 1 to 5", SCALE),
    bad_row("a negative rating", "r99,b99,-1", "outside the scale 1 to 5", SCALE),
    bad_row("an empty user id", ",b99,4", "an empty id", "Fill in the ids", "'reader'"),
    bad_row("an item id of spaces", "r99,   ,4", "an empty id", "Fill in the ids", "'book'"),
    Case(
        "a pair rated twice",
        RUN,
        f"{RATINGS}: 'reader', 'book'",
        "1 row repeats an earlier one; first 'reader' 'r01' and 'book' 'b01'",
        "Delete all but one, or set `ingestion.duplicates` to last or mean",
        after_header(RATINGS, "r01,b01,4"),
    ),
    Case(
        "a time that is no time",
        "run",
        f"{DEMO}: column 'timestamp:float'",
        "neither seconds nor a date in row 1 (line 2) ('yesterday')",
        "Write seconds since 1970 or dates such as 2026-01-31",
        after_header(DEMO, "999\t999\t4\tyesterday"),
    ),
    Case(
        "an infinite time",
        "run",
        f"{DEMO}: column 'timestamp:float'",
        "neither seconds nor a date in row 1 (line 2) ('inf')",
        "Write seconds since 1970",
        after_header(DEMO, "999\t999\t4\tinf"),
    ),
    Case(
        "a time beyond all calendars",
        "run",
        f"{DEMO}: column 'timestamp:float'",
        "neither seconds nor a date in row 1 (line 2) ('1e300')",
        "Write seconds since 1970",
        after_header(DEMO, "999\t999\t4\t1e300"),
    ),
    *(
        Case(
            f"a weight of {weight}",
            f"{RUN} --params ingestion.columns.weight=weight",
            f"{RATINGS}: column 'weight'",
            f"not a positive number in row 1 (line 2) ('{weight}')",
            "Write numbers above 0",
            write(RATINGS, f"reader,book,stars,weight\nr01,b01,4,{weight}\n"),
        )
        for weight in ("-1", "0", "heavy")
    ),
]

SIZES = [
    Case(
        "one rating",
        "run",
        DEMO,
        "1 rating",
        "bring more ratings",
        write(DEMO, "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t1\t4\t9\n"),
    ),
    Case(
        "two ratings, none of them to test on",
        "run",
        DEMO,
        "2 ratings",
        "bring more ratings",
        write(
            DEMO,
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t1\t4\t9\n1\t2\t3\t9\n",
        ),
    ),
    Case(
        "one rating beside the pairs to predict",
        RUN,
        RATINGS,
        "1 rating",
        "bring more ratings",
        write(RATINGS, f"{HEADER}\nr01,b01,4\n"),
    ),
    Case(
        "nobody has as many ratings as k_core asks for",
        f"{RUN} --params ingestion.k_core=1000",
        RATINGS,
        "no user and item have 1000 ratings each",
        "Set a lower `ingestion.k_core`",
    ),
]

TEST_PAIRS = [
    Case(
        "no pairs below the header",
        RUN,
        PAIRS,
        "no rows",
        "at least one pair to predict",
        write(PAIRS, "number,reader,book\n"),
    ),
    Case(
        "pairs without their ids",
        RUN,
        PAIRS,
        "no column 'number'; the file has 'reader', 'book'",
        "Set `ingestion.test_columns`",
        write(PAIRS, "reader,book\nr01,b03\n"),
    ),
    Case(
        "pairs with an unknown column for the rating",
        f"{RUN} --params ingestion.test_columns.rating=stars",
        PAIRS,
        "no column 'stars'",
        "Set `ingestion.test_columns`",
    ),
    Case(
        "a pair's id twice",
        RUN,
        f"{PAIRS}: 'number'",
        "1 row repeats an earlier one; first 'number' '2'",
        "Give each row an id of its own",
        after_header(PAIRS, "2,r99,b99"),
    ),
    Case(
        "a pair without its id",
        RUN,
        f"{PAIRS}: column 'number'",
        "an empty id in row 1 (line 2)",
        "Fill in the ids or delete the rows",
        after_header(PAIRS, ",r99,b99"),
    ),
    Case(
        "a pair without its user",
        RUN,
        f"{PAIRS}: column 'reader'",
        "an empty id in row 1 (line 2)",
        "Fill in the ids or delete the rows",
        after_header(PAIRS, "999,,b99"),
    ),
    Case(
        "a pair to predict twice",
        RUN,
        f"{PAIRS}: 'reader', 'book'",
        "1 row repeats an earlier one",
        "Delete all but one, or set `ingestion.test_duplicates: drop`",
        append(PAIRS, "998,r99,b99\n999,r99,b99\n"),
    ),
    Case(
        "a pair to predict that is among the ratings",
        RUN,
        f"{PAIRS}: columns 'reader', 'book'",
        "1 of 76 pairs also among the ratings, in row 1 (line 2) ('r01' and 'b01')",
        "Delete them from one of the files, or set `ingestion.test_duplicates: drop`",
        after_header(PAIRS, "999,r01,b01"),
    ),
    Case(
        "all pairs to predict are among the ratings",
        f"{RUN} --params ingestion.test_duplicates=drop",
        PAIRS,
        "every pair is also among the ratings",
        "Take them out of one file",
        write(PAIRS, "number,reader,book\n1,r01,b01\n2,r01,b02\n"),
    ),
    Case(
        "a known rating of a pair off the scale",
        f"{RUN} --params ingestion.test_columns.rating=stars",
        f"{PAIRS}: column 'stars'",
        "outside the scale 1 to 5 in row 1 (line 2) ('9')",
        SCALE,
        write(PAIRS, "number,reader,book,stars\n1,r01,b03,9\n"),
    ),
]

SIDE_TABLES = [
    Case(
        "people without the column of their ids",
        "run",
        USERS,
        "no column 'user_id:token'",
        "Set `ingestion.users` in the environment's parameters",
        change(USERS, "user_id:token", "id"),
    ),
    Case(
        "items without the column of a feature",
        "run",
        ITEMS,
        "no column 'movie_title:token_seq'",
        "Set `ingestion.items` in the environment's parameters",
        change(ITEMS, "movie_title:token_seq", "title"),
    ),
    Case(
        "a person twice",
        "run",
        f"{USERS}: 'user_id:token'",
        "1 row repeats an earlier one; first 'user_id:token' '1'",
        "Keep one row for each",
        append(USERS, "1\t30\tF\twriter\t02139\n"),
    ),
    Case(
        "an item without an id",
        "run",
        f"{ITEMS}: column 'item_id:token'",
        "an empty id in row 1 (line 2)",
        "Fill in the ids or delete the rows",
        after_header(ITEMS, "\tNameless\t1990\tDrama"),
    ),
    Case(
        "no people below the header",
        "run",
        USERS,
        "no rows",
        "at least one user",
        write(
            USERS, "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
        ),
    ),
    Case(
        "the items in place of the people",
        "run",
        USERS,
        "no column 'user_id:token'",
        "Set `ingestion.users`",
        copy(USERS, ITEMS),
    ),
]
