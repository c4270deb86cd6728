"""The catalogue of bad inputs: what is wrong, how a message names it, and how to fix it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.robustness.small_project import LOAD
from benchmarks.robustness.spoiling import (
    Spoil,
    append,
    cell,
    change,
    cut,
    delete,
    folder_instead,
    keep_lines,
    nothing,
    recode,
    replace,
    separated,
    together,
    unreadable,
    write,
)
from tests.course_data import TEST_FEATURES, TRAINING


class BadInput(NamedTuple):
    """One thing that is wrong with a project, or with a command."""

    kind: str
    wrong: str
    """In a sentence, without its full stop; no two are the same."""
    spoil: Spoil
    options: str
    """Of ``kedro run``; or ``fivestar.load`` and a folder."""
    says: tuple[str, ...]
    """Texts that the message holds: where, what, and how to fix it."""
    fix: str
    """What to do, in more words than a message has."""


RATINGS = "data/01_raw/demo/ml-100k.inter"
USERS = "data/01_raw/demo/ml-100k.user"
ITEMS = "data/01_raw/demo/ml-100k.item"
COURSE = f"data/01_raw/amazon-books/{TRAINING}"
PAIRS = f"data/01_raw/amazon-books/{TEST_FEATURES}"
BOOKS = "--env amazon-books"
PARAMETERS = "conf/demo/parameters.yml"
CATALOG = "conf/demo/catalog.yml"
MODELS = "data/06_models/demo"
SPLIT = "data/05_model_input/demo"
HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"


def bad_inputs() -> list[BadInput]:
    """All of them, those of a kind together."""
    return [*files(), *tables(), *values(), *pairs(), *settings(), *yaml(), *outputs(), *options()]


def files() -> Iterator[BadInput]:
    def ratings(wrong: str, spoil: Spoil, *says: str, fix: str, options: str = "") -> BadInput:
        return BadInput("file", wrong, spoil, options, says, fix)

    yield ratings(
        "The file of the ratings is missing",
        delete(RATINGS),
        *(RATINGS, "no such file", "python -m fivestar.download demo"),
        fix="Fetch it with `make data NAME=demo`, or put your own file there.",
    )
    yield ratings(
        "The file of the users is missing",
        delete(USERS),
        *(USERS, "no such file", "conf/<environment>/catalog.yml"),
        fix="Put the file there, or take `users_raw` out of the environment's catalog.",
    )
    yield ratings(
        "The file of the ratings is empty",
        write(RATINGS, ""),
        *(RATINGS, "the file is empty", "Put its rows there"),
        fix="Copy the file again.",
    )
    yield ratings(
        "The file of the ratings holds blanks only",
        write(RATINGS, " \n\n \n"),
        *(RATINGS, "the file is empty"),
        fix="Copy the file again.",
    )
    yield ratings(
        "The file of the ratings is cut off inside a row",
        change(RATINGS, lambda content: content.rstrip()[:-14]),
        *(RATINGS, "not 4 cells in every row", "line"),
        fix="Copy the file again; the last row tells that its end is missing.",
    )
    yield ratings(
        "The file of the ratings is binary",
        write(RATINGS, bytes(range(256)) * 20),
        *(RATINGS, "not readable as utf-8", "Set `encoding`"),
        fix="Unpack the file if it is an archive; the ratings have to be text.",
    )
    yield ratings(
        "The file of the ratings is an archive (gzip)",
        write(RATINGS, b"\x1f\x8b\x08\x00" + bytes(range(128, 255)) * 9),
        *(RATINGS, "not readable as utf-8"),
        fix="Unpack it: the ratings have to be text.",
    )
    yield ratings(
        "There is a folder in place of the file of the ratings",
        folder_instead(RATINGS),
        *(RATINGS, "is a folder", "Name the file"),
        fix="Name the file inside the folder in the environment's `catalog.yml`.",
    )
    yield ratings(
        "The file of the ratings may not be read",
        unreadable(RATINGS),
        *(RATINGS, "may not be read", "right permissions"),
        fix="Give yourself the right to read it: `chmod u+r`.",
    )
    yield ratings(
        "The file of the movies may not be read",
        unreadable(ITEMS),
        *(ITEMS, "may not be read", "right permissions"),
        fix="Give yourself the right to read it: `chmod u+r`.",
    )
    yield ratings(
        "The file of the new users is missing",
        nothing,
        *("nobody.csv", "no such file"),
        options="--pipelines recommendation --tags new_users --params new_users_file=nobody.csv",
        fix="Name the file as seen from the project's folder.",
    )
    yield ratings(
        "The file of the ratings is in UTF-16",
        recode(RATINGS, "utf-16"),
        *(RATINGS, "not readable as utf-8", "Set `encoding`", "(utf-16)"),
        fix="Set `encoding: utf-16` of the catalog entry, or save the file as UTF-8.",
    )
    yield ratings(
        "The file of the ratings is in UTF-16 without a byte order mark",
        recode(RATINGS, "utf-16-le"),
        *(RATINGS, "byte 0"),
        fix="Set `encoding: utf-16-le` of the catalog entry, or save the file as UTF-8.",
    )
    yield ratings(
        "The file of the movies is in Latin-1",
        recode(ITEMS, "latin-1", "99\tAmélie\t2001\tComedy\n"),
        *(ITEMS, "not readable as utf-8", "latin-1"),
        fix="Set `encoding: latin-1` of the catalog entry, or save the file as UTF-8.",
    )
    yield ratings(
        "There are bytes 0 in the file of the ratings",
        cell(RATINGS, 0, "1\x002"),
        *(RATINGS, "byte 0", "line 4"),
        fix="The file is damaged or no text: copy it again, or delete the bytes.",
    )
    yield ratings(
        "The catalog names an encoding that does not exist",
        replace(CATALOG, "ml-100k.inter}", "ml-100k.inter, encoding: utf-9}"),
        *(RATINGS, "utf-9", "Set `encoding`"),
        fix="Write one that Python knows, `utf-8` for instance.",
    )


def tables() -> Iterator[BadInput]:
    def table(wrong: str, spoil: Spoil, *says: str, fix: str, options: str = "") -> BadInput:
        return BadInput("table", wrong, spoil, options, says, fix)

    yield table(
        "A column is missing",
        replace(RATINGS, "rating:float", "stars"),
        *(RATINGS, "no column 'rating:float'", "'stars'", "`ingestion.columns`"),
        fix="Name the file's own column in `ingestion.columns`.",
    )
    yield table(
        "The case of a column's name is another",
        replace(RATINGS, "user_id", "User_ID"),
        *(RATINGS, "no column 'user_id:token'", "'User_ID:token'", "`ingestion.columns`"),
        fix="Write the name in `ingestion.columns` as the file has it.",
    )
    yield table(
        "A column is there twice",
        replace(RATINGS, "item_id:token", "user_id:token"),
        *(RATINGS, "column 'user_id:token' occurs twice", "Rename one"),
        fix="Rename or delete one of the two.",
    )
    yield table(
        "There is no header",
        change(RATINGS, lambda content: content.partition(b"\n")[2]),
        *(RATINGS, "no column 'user_id:token'", "`ingestion.columns`"),
        fix="Write the names into the first line, or set `header: false` and `columns` of the "
        "catalog entry.",
    )
    yield table(
        "The separator is a comma, not a tab",
        separated(RATINGS, ","),
        *(RATINGS, "no column 'user_id:token', 'item_id:token'", "user_id:token,item_id:token"),
        fix="Set `separator` of the catalog entry.",
    )
    yield table(
        "The separator is a semicolon, not a comma",
        separated(COURSE, ";", ","),
        *(COURSE, "no column 'User'", "ID;User;ASIN;Rating"),
        options=BOOKS,
        fix="Set `separator` of the catalog entry.",
    )
    yield table(
        "A row has a cell too few",
        append(RATINGS, "1\t2\t3\n"),
        *(RATINGS, "not 4 cells in every row", "has 3", "line"),
        fix="Complete or delete the row.",
    )
    yield table(
        "A row has a cell too many",
        append(RATINGS, "1\t2\t3\t4\t5\n"),
        *(RATINGS, "not 4 cells in every row", "has 5", "line"),
        fix="Delete the cell too many; a separator inside a text needs quotes.",
    )
    yield table(
        "A quote is never closed",
        append(COURSE, '99,A1,B2,"3\n98,A1,B3,4\n'),
        *(COURSE, 'a quote " is opened and never closed', "`quote`"),
        options=BOOKS,
        fix="Close it, or set `quote: null` of the catalog entry where quotes are text.",
    )
    yield table(
        "There is a header and no rating",
        write(RATINGS, HEADER),
        *(RATINGS, "no rows", "at least one rating"),
        fix="Copy the file again.",
    )
    yield table(
        "There is one rating in all",
        keep_lines(RATINGS, 2),
        *("split", "would be empty", "more ratings"),
        fix="Bring more ratings: train, validation and test need one each.",
    )
    yield table(
        "There is a header and no user",
        keep_lines(USERS, 1),
        *(USERS, "no rows", "at least one user"),
        fix="Copy the file again, or take `users_raw` out of the environment's catalog.",
    )
    yield table(
        "A column of the movies is missing",
        replace(ITEMS, "release_year", "year"),
        *(ITEMS, "no column 'release_year:token'", "`ingestion.items`"),
        fix="Name the file's own column in `ingestion.items`.",
    )
    yield table(
        "No pair of user and item has as many ratings as `k_core` asks for",
        nothing,
        *(RATINGS, "1000 ratings each", "lower `ingestion.k_core`"),
        options="--params ingestion.k_core=1000",
        fix="Set a lower `ingestion.k_core`.",
    )


def values() -> Iterator[BadInput]:
    def rating(text: str, wrong: str, *says: str, fix: str) -> BadInput:
        where = (RATINGS, "column 'rating:float'", "row 3 (line 4)")
        return BadInput("value", wrong, cell(RATINGS, 2, text), "", (*where, *says), fix)

    numbers = "Write a number, or delete the row."
    yield rating("four", "A rating is a word", "not a number", "'four'", fix=numbers)
    yield rating("4,5", "A rating has a decimal comma", "not a number", "'4,5'", fix=numbers)
    yield rating("", "A rating is empty", "no rating", "Fill it in", fix=numbers)
    yield rating("inf", "A rating is infinite", "not a finite number", "'inf'", fix=numbers)
    yield rating("-inf", "A rating is minus infinity", "not a finite number", fix=numbers)
    yield rating("NaN", "A rating is NaN", "not a finite number", "'NaN'", fix=numbers)
    yield rating("1e999", "A rating is too large for a number", "not a finite number", fix=numbers)
    scale = "Set `scale` in the environment's parameters to that of the ratings, or fix the row."
    yield rating("6", "A rating is above the scale", "outside the scale 1 to 5", fix=scale)
    yield rating("0", "A rating is below the scale", "outside the scale 1 to 5", fix=scale)
    yield rating("-3", "A rating is negative", "outside the scale 1 to 5", "`scale`", fix=scale)

    def other(
        wrong: str, spoil: Spoil, *says: str, fix: str, options: str = "", kind: str = "value"
    ) -> BadInput:
        return BadInput(kind, wrong, spoil, options, says, fix)

    yield other(
        "The id of a user is empty",
        cell(RATINGS, 0, ""),
        *(RATINGS, "column 'user_id:token'", "an empty id in row 3 (line 4)", "delete the rows"),
        fix="Fill the id in, or delete the row.",
    )
    yield other(
        "The id of an item is a blank",
        cell(RATINGS, 1, " "),
        *(RATINGS, "column 'item_id:token'", "an empty id in row 3 (line 4)"),
        fix="Fill the id in, or delete the row.",
    )
    for text, wrong in (
        ("yesterday", "A time is neither seconds nor a date"),
        ("inf", "A time is infinite"),
        ("1e30", "A time is too large for seconds"),
    ):
        yield other(
            wrong,
            cell(RATINGS, 3, text),
            *(RATINGS, "'timestamp:float'", "neither seconds nor a date", f"'{text}'"),
            fix="Write seconds since 1970 or a date such as 2026-01-31.",
        )
    yield other(
        "A pair is rated twice",
        change(RATINGS, lambda content: content + content.splitlines(keepends=True)[1]),
        *(RATINGS, "1 row repeats an earlier one", "`ingestion.duplicates` to last or mean"),
        fix="Delete all but one, or set `ingestion.duplicates` to `last` or `mean`.",
    )
    yield other(
        "A weight is negative",
        cell(RATINGS, 3, "-1"),
        *(RATINGS, "'timestamp:float'", "not a positive number", "'-1'"),
        options='--params "ingestion.columns.weight=timestamp:float"',
        fix="Write numbers above 0; delete ratings that shall not count.",
    )
    yield other(
        "A user is there twice in the table of the users",
        change(USERS, lambda content: content + content.splitlines(keepends=True)[1]),
        *(USERS, "'user_id:token'", "1 row repeats an earlier one", "Keep one row for each"),
        fix="Delete all rows of the user but one.",
    )
    yield other(
        "The id of a movie is empty in the table of the movies",
        cell(ITEMS, 0, ""),
        *(ITEMS, "'item_id:token'", "an empty id", "Fill in the ids"),
        fix="Fill the id in, or delete the row.",
    )


def pairs() -> Iterator[BadInput]:
    def pair(wrong: str, spoil: Spoil, *says: str, fix: str, options: str = "") -> BadInput:
        return BadInput("test pair", wrong, spoil, f"{BOOKS} {options}".strip(), says, fix)

    yield pair(
        "The file of the test pairs is missing",
        delete(PAIRS),
        *(PAIRS, "no such file"),
        fix="Put the file there.",
    )
    yield pair(
        "There is a header and no test pair",
        keep_lines(PAIRS, 1),
        *(PAIRS, "no rows", "at least one pair to predict"),
        fix="Copy the file again, or take `test_pairs_raw` out of the environment's catalog.",
    )
    yield pair(
        "An id of a test pair is missing",
        cell(PAIRS, 0, "", ","),
        *(PAIRS, "column 'ID'", "an empty id in row 3 (line 4)"),
        fix="Give the row an id.",
    )
    yield pair(
        "An id of a test pair is there twice",
        change(PAIRS, lambda content: content + content.splitlines()[1].split(b",")[0] + b",A,B\n"),
        *(PAIRS, "'ID': 1 row repeats an earlier one", "an id of its own"),
        fix="Give each row an id of its own.",
    )
    yield pair(
        "The user of a test pair is missing",
        cell(PAIRS, 1, "", ","),
        *(PAIRS, "column 'User'", "an empty id in row 3 (line 4)"),
        fix="Fill the id in, or delete the row.",
    )
    yield pair(
        "The columns of the test pairs have other names",
        replace(PAIRS, "ID,User,ASIN", "Id,Reader,Book"),
        *(PAIRS, "no column 'User', 'ASIN', 'ID'", "`ingestion.test_columns`"),
        fix="Name the file's own columns in `ingestion.test_columns`.",
    )
    yield pair(
        "A test pair is there twice",
        change(
            PAIRS,
            lambda content: (
                content + b"123456789," + content.splitlines()[1].split(b",", 1)[1] + b"\n"
            ),
        ),
        *(PAIRS, "1 row repeats an earlier one", "`ingestion.test_duplicates: drop`"),
        fix="Delete all but one, or set `ingestion.test_duplicates: drop`.",
    )
    yield pair(
        "A test pair is among the ratings",
        together(
            write(PAIRS, "ID,User,ASIN\n1,A3NDST1X8JVAP7,0373778295\n"),
            append(COURSE, "987654321,A3NDST1X8JVAP7,0373778295,5\n"),
            _once(COURSE, b",A3NDST1X8JVAP7,0373778295,"),
        ),
        *(PAIRS, "1 of 1 pairs also among the ratings", "`ingestion.test_duplicates: drop`"),
        fix="Delete it from one of the two files, or set `ingestion.test_duplicates: drop`.",
    )
    yield pair(
        "The ratings have no column for the rating",
        replace(COURSE, "Rating", "Stars"),
        *(COURSE, "no column 'Rating'", "'Stars'", "`ingestion.columns`"),
        fix="Name the file's own column in `ingestion.columns`.",
    )


def _once(path: str, text: bytes) -> Spoil:
    """Keep the last of the lines with a text."""

    def changed(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        last = max(n for n, line in enumerate(lines) if text in line)
        kept = [line for n, line in enumerate(lines) if text not in line or n == last]
        return b"".join(kept) + b"\n"

    return change(path, changed)


def settings() -> Iterator[BadInput]:
    def setting(given: str, wrong: str, *says: str, fix: str, options: str = "") -> BadInput:
        command = f'{options} --params "{given}"'.strip()
        return BadInput("setting", wrong, nothing, command, says, fix)

    bounds = "Write a value within the bounds that the message names."
    for given, wrong, *says in (
        ("splitting.test_share=lots", "A share is a word", "is 'lots'", "valid number"),
        ("splitting.test_share=1.5", "A share is above 1", "is 1.5", "less than"),
        ("splitting.test_share=-0.1", "A share is negative", "is -0.1", "greater than 0"),
        ("splitting.validation_share=.nan", "A share is NaN", "is nan", "finite number"),
        ("splitting.half_life_days=0", "A half-life is 0", "is 0", "greater than 0"),
        ("splitting.seed=now", "A seed is a word", "is 'now'", "valid integer"),
        ("splitting.method=sorted", "A way to split does not exist", "is 'sorted'", "'stratified'"),
        ("ingestion.duplicates=first", "A way to settle duplicates does not exist", "'last'"),
        ("ingestion.k_core=-1", "`k_core` is negative", "is -1", "greater than or equal to 0"),
        ("evaluation.confidence=95", "A confidence is in percent", "is 95", "less than 1"),
        ("evaluation.n_resamples=10", "There are too few resamples", "is 10", "999"),
        ("scale.lowest=9", "The ends of the scale are the wrong way round", "below highest"),
        ("scale.highest=five", "An end of the scale is a word", "five", "finite number"),
        ("scale.highest=.inf", "An end of the scale is infinite", "inf", "finite number"),
        ("refit=perhaps", "`refit` is neither true nor false", "is 'perhaps'", "boolean"),
        ("max_minutes=-1", "The time allowed is negative", "is -1", "greater than 0"),
        ("threads_per_node=0", "There are 0 threads", "is 0", "greater than or equal to 1"),
        ("engine=polars", "An engine does not exist", "is 'polars'", "'pandas' or 'spark'"),
    ):
        name = given.partition("=")[0]
        about, _, inside = name.partition(".")
        yield setting(given, wrong, f"parameter {about}", inside or about, *says, fix=bounds)
    names = "Write the name as `conf/base/parameters_*.yml` has it."
    for given, wrong, *says in (
        ("splitting.test_shares=0.2", "The name of a setting is misspelt", "'test_share'"),
        ("splittin.test_share=0.2", "The name of a stage's settings is misspelt", "'splitting'"),
        ("ingestion.columns.users=user", "The name of a column is misspelt", "'columns.user'"),
        ("submission.ids=ID", "The name of a column of the submission is misspelt", "'id'"),
    ):
        yield setting(given, wrong, "unknown", *says, fix=names)
    beside = "recommendation.ranking.beside"
    for given, wrong, *says in (
        ("inspection.reference=biass", "A model to compare with is misspelt", "'bias'"),
        (f"{beside}=item_maen", "A model to rank beside is misspelt", "'item_mean'"),
    ):
        yield setting(given, wrong, f"parameter {given.partition('=')[0]}", *says, fix=names)
    model = "Write the block as `conf/base/parameters_models.yml` explains it."
    for given, wrong, *says in (
        ("models.als.n_factors=-1", "A model has a negative number of factors", "n_factors is -1"),
        ("models.als.n_factors=many", "A number of factors is a word", "n_factors is 'many'"),
        ("models.als.n_factors=2.5", "A number of factors is no whole number", "n_factors is 2.5"),
        ("models.als.regularization=.nan", "A regularisation is NaN", "regularization is nan"),
        ("models.als.regularization=.inf", "A regularisation is infinite", "finite number"),
        ("models.als.n_factor=8", "A model's setting is misspelt", "Did you mean 'n_factors'?"),
        ("models.als.family=alz", "A model's family is misspelt", "unknown family 'alz'"),
        ("models.als=8", "A model's block is a number", "is 8", "family"),
        ("models.alz.n_factors=8", "A model's name is misspelt", "Did you mean 'als'?"),
    ):
        block = ".".join(given.partition("=")[0].split(".")[:2])
        yield setting(given, wrong, f"parameters_models.yml, {block}", *says, fix=model)
    yield setting(
        "line_up=als",
        "The line-up is a word, not a list",
        *("parameter line_up", "is 'als'", "valid list"),
        fix="Write a list into `parameters_models.yml`, or train one model by `--namespaces als`.",
    )
    yield setting(
        "fold=7",
        "A fold does not exist",
        *("data/01_raw/ml-100k/u7.base", "no such file"),
        options="--env ml-100k",
        fix="Write a fold that the data set has, 1 to 5 for instance.",
    )
    yield setting(
        "fold=1",
        "A fold is asked for of a data set that has none",
        *("fold: the environment demo has no folds", "--env ml-100k"),
        fix="Leave `--params fold` out, or name an environment that has folds.",
    )
    yield setting(
        "splitting.method=time",
        "A split by time is asked for, and there are no times",
        *("method is 'time', which needs timestamps", "`ingestion.columns.timestamp`"),
        options=BOOKS,
        fix="Name the column of the times, or set another `splitting.method`.",
    )
    yield setting(
        "splitting.half_life_days=30",
        "A half-life is asked for, and there are no times",
        *("half_life_days is 30, which needs timestamps", "`ingestion.columns.timestamp`"),
        options=BOOKS,
        fix="Name the column of the times, or set `splitting.half_life_days: null`.",
    )
    for stage, given, wrong, *says in (
        ("recommendation", "model=alz", "A model to recommend with is misspelt", "'als'?"),
        ("recommendation", "recommendation.users=4711", "A user does not exist", "'4711'"),
        ("recommendation", "recommendation.n=0", "A list of no items is asked for", "n is 0"),
        (
            "recommendation --tags new_users",
            "recommendation.new_user=Film 3=9",
            "A new user's rating is above the scale",
            *("'9'", "1 to 5"),
        ),
        (
            "recommendation --tags new_users",
            "recommendation.new_user=Toy Story",
            "A new user's title has no rating",
            *("'Toy Story'", "Alien=4"),
        ),
        ("inspection", "inspection.items=Zebra", "No title is like the one asked for", "'Zebra'"),
        ("inspection", "inspection.map=umap", "A kind of map does not exist", "'tsne'", "'pca'"),
        ("colikes", "colikes.liked_share=2", "A share of likes is above 1", "liked_share is 2"),
        ("colikes", "colikes.momentum=1", "A momentum is 1", "momentum is 1", "less than 1"),
        ("exploration", "exploration.n_users=0", "A table of no users is asked for", "n_users"),
        ("cold_start", "cold_start.n_answers=50", "Too many answers are asked for", "n_answers"),
        ("report", "report.n=0", "A report with lists of no items is asked for", "n is 0"),
        ("tuning", "tuning.model=alz", "A model to tune is misspelt", "alz", "`models`"),
        ("tuning", "tuning.n_trials=0", "No trials are asked for", "n_trials is 0"),
        ("cross_validation", "cross_validation.n_folds=1", "There is one fold", "n_folds is 1"),
        ("cross_validation", "cross_validation.folds=none", "Folds of no kind", "'random'"),
        ("cross_validation", "cross_validation.models=alz", "A model on folds is misspelt", "alz"),
        ("ablation", "ablation.base=alz", "A model of the ablation is misspelt", "alz"),
    ):
        about = given.partition("=")[0].split(".")[0]
        fix = model if "misspelt" in wrong else bounds
        yield setting(given, wrong, about, *says, fix=fix, options=f"--pipelines {stage}")


def yaml() -> Iterator[BadInput]:
    def yml(wrong: str, spoil: Spoil, *says: str, fix: str) -> BadInput:
        return BadInput("YAML", wrong, spoil, "", says, fix)

    yield yml(
        "A bracket of the parameters is not closed",
        append(PARAMETERS, "evaluation: {seed: 1\n"),
        *(PARAMETERS, "line", "YAML"),
        fix="Close it; the message names the line after it.",
    )
    yield yml(
        "The parameters are indented by a tab",
        append(PARAMETERS, "evaluation:\n\tseed: 1\n"),
        *(PARAMETERS, "line", "YAML"),
        fix="Indent by spaces.",
    )
    yield yml(
        "A setting of the parameters is not indented",
        append(PARAMETERS, "splitting:\nseed: 1\n"),
        *("unknown parameter 'seed'",),
        fix="Indent it below its stage.",
    )
    yield yml(
        "A stage's settings are one word",
        append(PARAMETERS, "splitting: random\n"),
        *("parameter splitting", "'random'"),
        fix="Write `splitting: {method: random}`.",
    )
    yield yml(
        "A stage's settings are a list",
        append(PARAMETERS, "evaluation: [seed, 1]\n"),
        *("parameter evaluation", "['seed', 1]"),
        fix="Write `evaluation: {seed: 1}`.",
    )
    yield yml(
        "The same parameter is there twice in one file",
        append(PARAMETERS, "scale: {lowest: 1, highest: 5}\n"),
        *(PARAMETERS, "scale", "line"),
        fix="Delete one of the two.",
    )
    yield yml(
        "The environment has a stage's settings that no stage has",
        append(PARAMETERS, "evaluatoin: {seed: 1}\n"),
        *("unknown parameter 'evaluatoin'", "Did you mean 'evaluation'?"),
        fix="Write the name as `conf/base/parameters_*.yml` has it.",
    )
    yield yml(
        "The parameters name a variable that does not exist",
        append(PARAMETERS, 'evaluation: {seed: "${seeds}"}\n'),
        *("conf, parameters: evaluation.seed", "'seeds' not found", "Write the value"),
        fix="Write the value, or define the variable.",
    )
    yield yml(
        "A quote of the catalog is not closed",
        append(CATALOG, 'more: {filepath: "data}\n'),
        *(CATALOG, "line", "YAML"),
        fix="Close it; the message names the line.",
    )
    yield yml(
        "The catalog names a class that does not exist",
        replace(CATALOG, "TextTable", "TextTabel"),
        *("parsing config for dataset", "'TextTabel' not found in 'fivestar.datasets'"),
        fix="Write `fivestar.datasets.TextTable`, or install the package of the class.",
    )
    yield yml(
        "An entry of the catalog has an unknown key",
        replace(CATALOG, "ml-100k.inter}", "ml-100k.inter, seperator: x}"),
        *("ratings_raw", "seperator"),
        fix="Write the key as the class has it: `separator`.",
    )
    yield yml(
        "An entry of the catalog has no file",
        replace(CATALOG, ", filepath: data/01_raw/demo/ml-100k.inter", ""),
        *("ratings_raw", "filepath"),
        fix="Name the file: `filepath: data/01_raw/...`.",
    )
    yield yml(
        "The catalog lacks the ratings",
        replace(CATALOG, "ratings_raw", "ratings"),
        *("the catalog has no entry 'ratings_raw'", "conf/<environment>/catalog.yml"),
        fix="Add the entry `ratings_raw` to the environment's catalog.",
    )


def outputs() -> Iterator[BadInput]:
    def output(
        wrong: str, spoil: Spoil, options: str, *says: str, fix: str = "Run the command it names."
    ) -> BadInput:
        return BadInput("earlier output", wrong, spoil, options, says, fix)

    use = "--pipelines recommendation --params model=als"
    evaluate = "--pipelines evaluation"
    model, weights = f"{MODELS}/als/model.json", f"{MODELS}/als/weights.safetensors"
    changed = "changed since"
    again = "Make it again: kedro run"
    yield output("A model's description is cut off", cut(model, 40), use, changed, again)
    yield output("A model's weights are missing", delete(weights), use, changed, again)
    yield output("A model's weights are cut off", cut(weights, 100), use, changed, again)
    yield output("A model is missing", delete(f"{MODELS}/als"), use, "'als' is not trained")
    yield output(
        "A model is of another version",
        replace(model, '"version": ', '"version": 9'),
        *(use, changed, again),
    )
    yield output(
        "A model is of other data",
        _copied("data/06_models/amazon-books/als", f"{MODELS}/als"),
        *(use, "made of other inputs (training_data", "Make them again: kedro run"),
    )
    yield output(
        "The vocabulary is broken",
        write(f"{SPLIT}/vocabulary.json", "{}"),
        *("--pipelines training", "vocabulary.json", changed, again),
    )
    yield output(
        "The vocabulary lacks an id",
        replace(f"{SPLIT}/vocabulary.json", '"1", ', ""),
        *("--pipelines training", "vocabulary.json", changed, again),
    )
    yield output(
        "A matrix is cut off",
        cut(f"{SPLIT}/train_matrix.npz", 200),
        *("--pipelines training", "train_matrix.npz", changed, again),
    )
    yield output(
        "A part of the split is no table",
        write(f"{SPLIT}/test.parquet", "user,item\n"),
        *(evaluate, "test.parquet", changed, again),
    )
    yield output(
        "The split is missing",
        delete(SPLIT),
        *("--pipelines training", "is not there", again),
    )
    yield output(
        "The ratings have changed since the split",
        append(RATINGS, "1\t999\t3\t881250949\n"),
        *("--pipelines training", "made of other inputs", "ratings_raw"),
    )
    yield output(
        "A setting has changed since the split",
        nothing,
        *("--pipelines training --params splitting.seed=7", "splitting.seed 42, now 7"),
    )
    yield output(
        "The leaderboard has no rows",
        keep_lines("data/08_reporting/demo/leaderboard.csv", 1),
        *(f"{LOAD} data/06_models/demo", "leaderboard.csv", "no model's name", "kedro run"),
        fix="Run `kedro run` again.",
    )
    yield output(
        "The leaderboard is cut off",
        cut("data/08_reporting/demo/leaderboard.csv", 30),
        *("--pipelines recommendation", "leaderboard.csv", changed, again),
    )
    anew = "kedro run --env demo"
    yield output(
        "A model to load has a description that is cut off",
        cut(model, 40),
        *(f"{LOAD} {MODELS}/als", "model.json", "not readable", anew),
    )
    yield output(
        "A model to load has a description without settings",
        write(model, "{}"),
        *(f"{LOAD} {MODELS}/als", "model.json", "not readable", anew),
    )
    yield output(
        "A model to load has no weights",
        delete(weights),
        *(f"{LOAD} {MODELS}/als", "weights.safetensors", "not readable", anew),
    )
    yield output(
        "A model to load has weights that are cut off",
        cut(weights, 100),
        *(f"{LOAD} {MODELS}/als", "weights.safetensors", "not readable", anew),
    )
    yield output(
        "A model to load is of other data",
        _copied("data/06_models/amazon-books/als", f"{MODELS}/als"),
        *(f"{LOAD} {MODELS}/als", "trained on amazon-books", "but", anew),
    )
    yield output(
        "A model to load has a broken vocabulary beside it",
        write(f"{SPLIT}/vocabulary.json", "{}"),
        *(f"{LOAD} {MODELS}/als", SPLIT, "not readable", anew),
    )
    yield output(
        "A model to load has a matrix beside it that is cut off",
        cut(f"{SPLIT}/train_matrix.npz", 200),
        *(f"{LOAD} {MODELS}/als", SPLIT, "not readable", anew),
    )
    yield output(
        "A folder to load does not exist",
        nothing,
        *(f"{LOAD} {MODELS}/alz", "alz: no trained model"),
        fix="Name the folder of a model or of a place.",
    )


def _copied(source: str, target: str) -> Spoil:
    def spoil(project: Path) -> None:
        shutil.rmtree(project / target)
        shutil.copytree(project / source, project / target)

    return spoil


def options() -> Iterator[BadInput]:
    def option(given: str, wrong: str, *says: str, fix: str) -> BadInput:
        return BadInput("option", wrong, nothing, given, says, fix)

    look = "Write a name that there is: the message has one that is like it, or some."
    for given, wrong, *says in (
        ("--pipelines trainnig", "A pipeline does not exist", "trainnig", "training"),
        ("--env movielens", "An environment does not exist", "movielens", "choose one of", "demo"),
        ("--env ../conf/demo", "An environment is a path", "../conf/demo", "no environment's name"),
        ("--namespaces alz", "A namespace does not exist", "--namespaces: 'alz'", "'als'"),
        ("--nodes fit_als", "A node does not exist", "--nodes: 'fit_als'", "als.fit"),
        ("--tags trainnig", "A tag does not exist", "--tags: 'trainnig'", "'training'"),
        ("--from-nodes fit_als", "A first node does not exist", "--from-nodes: 'fit_als'"),
        ("--to-outputs leader", "An output does not exist", "'leader'", "'leaderboard'"),
        ("--from-inputs rating_raw", "An input does not exist", "'rating_raw'", "'ratings_raw'"),
        ("--runner FastRunner", "A runner does not exist", "'FastRunner'", "ThreadRunner"),
        ("--runner my.Runner", "A runner's module does not exist", "'my.Runner'", "ThreadRunner"),
    ):
        yield option(given, wrong, *says, fix=look)
    listed = "`--help` lists the options."
    yield option("--colour", "An option does not exist", "--colour", fix=listed)
    syntax = "Write `--params name=value`, with a comma between two."
    yield option(
        "--params fold", "A parameter has no value", "fold", "separated by `=`", fix=syntax
    )
    yield option("--params =1", "A parameter has no name", "empty string", fix=syntax)
    yield option(
        "--conf-source conf2",
        "The folder of the configuration does not exist",
        *("conf2", "not exist"),
        fix="Leave the option out, or name the folder.",
    )
    yield option(
        "--load-versions leaderboard:2026-01-01T00.00.00.000Z",
        "A version to load is of a dataset without versions",
        *("--load-versions", "leave it out"),
        fix="The project keeps no versions: leave the option out.",
    )
    yield option(
        "--pipeline training --pipelines evaluation",
        "Pipelines are chosen in two ways",
        *("--pipeline and --pipelines", "one of the two"),
        fix="Leave one of the two options out.",
    )
    yield BadInput(
        "option",
        "A file of options is no YAML",
        write("options.yml", "run: {pipelines: [training"),
        "--config options.yml",
        ("options.yml", "line 2", "no YAML"),
        fix="Close the bracket; the message names the line.",
    )
    yield option(
        "--load-versions leaderboard",
        "A version to load has no time",
        *("leaderboard", "version"),
        fix="The project keeps no versions: leave the option out.",
    )
