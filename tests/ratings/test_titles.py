"""Titles however they are written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fivestar.ratings.titles import Titles, look_up, plain, shown_titles, split_year

TITLES = [
    *("Matrix, The (1999)", "Matrix Reloaded, The (2003)", "Misérables, Les (1998)"),
    *(
        "Misérables, Les (2012)",
        "City of God (Cidade de Deus) (2002)",
        "Seven (a.k.a. Se7en) (1995)",
    ),
    *("Blade Runner (1982)", "Blade Runner 2049 (2017)", "1984 (Nineteen Eighty-Four) (1984)"),
    *("Harry Potter and the Goblet of Fire (2005)", "Schindler's List (1993)", "Alien (1979)"),
    *("Pride & Prejudice (2005)", "2001: A Space Odyssey (1968)", "Toy Story"),
]
YEARS = [*[np.nan] * 14, 1995.0]
LIKES = [9, 8, 3, 7, 5, 6, 9, 4, 2, 5, 8, 7, 4, 5, 9]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Matrix, The (1999)", "Matrix, The (1999)"),
        ("the matrix", "Matrix, The (1999)"),
        ("MATRIX", "Matrix, The (1999)"),
        ("matrix 2003", "Matrix, The (1999)"),  # the name itself before names that hold it
        ("the matrx", "Matrix, The (1999)"),
        ("reloaded", "Matrix Reloaded, The (2003)"),
        ("les miserables", "Misérables, Les (2012)"),  # more likes
        ("Les Misérables (1998)", "Misérables, Les (1998)"),
        ("cidade de deus", "City of God (Cidade de Deus) (2002)"),
        ("City of God", "City of God (Cidade de Deus) (2002)"),
        ("se7en", "Seven (a.k.a. Se7en) (1995)"),
        ("blade runner", "Blade Runner (1982)"),
        ("Blade Runner 2049", "Blade Runner 2049 (2017)"),
        ("1984", "1984 (Nineteen Eighty-Four) (1984)"),
        ("harry poter", "Harry Potter and the Goblet of Fire (2005)"),
        ("Schindlers List", "Schindler's List (1993)"),
        ("Schindler\u2019s list", "Schindler's List (1993)"),
        ("pride and prejudice", "Pride & Prejudice (2005)"),
        ("2001", "2001: A Space Odyssey (1968)"),
        ("toy story (1995)", "Toy Story"),
        ("city of god rio", "City of God (Cidade de Deus) (2002)"),  # a word too many
        ("Les Misérable (1998)", "Misérables, Les (1998)"),  # the year counts after a slip, too
    ],
)
def test_titles_are_found_however_they_are_written(asked: str, expected: str) -> None:
    found = Titles(TITLES, YEARS, LIKES).find(asked)
    assert TITLES[found.fitting[0]] == expected
    assert not found.suggestions


def test_other_titles_that_fit_are_told() -> None:
    titles = Titles(TITLES, YEARS, LIKES)
    assert [TITLES[p] for p in titles.find("matrix").fitting] == TITLES[:2]
    assert [TITLES[p] for p in titles.find("blade runner").fitting] == TITLES[6:8]


@pytest.mark.parametrize("asked", ["zzzz", "", "...", "?!"])
def test_nothing_fits_nonsense(asked: str) -> None:
    assert not Titles(TITLES, YEARS, LIKES).find(asked).fitting


def test_what_is_vaguely_alike_is_suggested() -> None:
    found = Titles(TITLES, YEARS, LIKES).find("alienation day")
    assert not found.fitting
    assert TITLES.index("Alien (1979)") in found.suggestions


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Fabuleux destin d'Amélie Poulain, Le", "fabuleux destin d amelie poulain"),
        ("L'Avventura", "avventura"),
        ("Avventura, L'", "avventura"),
        ("WALL·E", "wall e"),
        ("The", "the"),
        ("A", "a"),
    ],
)
def test_plain(title: str, expected: str) -> None:
    assert plain(title) == expected


@pytest.mark.parametrize(
    ("slip", "expected"),
    [
        ("balde runner", "Blade Runner (1982)"),
        ("matrix relaoded", "Matrix Reloaded, The (2003)"),
        ("cidde de deus", "City of God (Cidade de Deus) (2002)"),
        ("schindler list", "Schindler's List (1993)"),
        ("pried and prejudice", "Pride & Prejudice (2005)"),
    ],
)
def test_slips_of_the_pen_are_forgiven(slip: str, expected: str) -> None:
    assert TITLES[Titles(TITLES, YEARS, LIKES).find(slip).fitting[0]] == expected


def test_a_title_is_looked_up_with_what_else_it_may_have_meant() -> None:
    titles = Titles(TITLES, YEARS, LIKES)
    matches, mistakes = look_up(["matrix", "alienation day", "zzzz"], titles, TITLES)
    (match,) = matches
    assert (match.asked, match.found, match.others) == ("matrix", TITLES[0], TITLES[1:2])
    assert TITLES[match.index] == match.found
    assert mistakes[0].startswith("'alienation day': no such title; did you mean one of: ")
    assert mistakes[1:] == ["'zzzz': no such title; nothing is like it."]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Alien (1979)", ("Alien", "1979")),
        ("Blade Runner 2049 (2017)", ("Blade Runner 2049", "2017")),
        ("toy story 1995", ("toy story", "1995")),
        ("1984", ("1984", None)),
        ("Area 5150", ("Area 5150", None)),
    ],
)
def test_year_at_the_end_is_no_part_of_the_title(
    title: str, expected: tuple[str, str | None]
) -> None:
    assert split_year(title) == expected


def test_titles_are_shown_with_their_year_and_ids_where_there_is_none() -> None:
    items = pd.DataFrame(
        {
            "item": [*"abcd"],
            "title": pd.Series(["Alien", "Aliens (1986)", None, "Solaris"], dtype="str"),
            "year": pd.Series([1979, 1986, 1990, None], dtype="Int64"),
        }
    )
    ids = pd.Index([*"dcbax"])
    assert shown_titles(items, ids) == ["Solaris", "c", "Aliens (1986)", "Alien (1979)", "x"]
    assert shown_titles(items[["item"]], ids) == [*"dcbax"]
