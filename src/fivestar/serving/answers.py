"""What is asked of a served model, and its answers: a table in, records of plain values out."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from fivestar.analysis.new_user import Given, read_ratings
from fivestar.errors import InputError
from fivestar.recommender import NEW_USER, Recommender

MAX_N = 1000
"""Items that one user is recommended at the most."""
DECIMALS = 6
"""Of predictions; a float32 of some stars has no more."""
SHOWN = 40
"""Characters of a wrong value that a message repeats."""

Record = dict[str, Any]


def answer(recommender: Recommender, asked: pd.DataFrame, n: int = 0) -> list[Record]:
    """Ratings of pairs, or the best items of users, known or new.

    Parameters
    ----------
    asked
        With ``n`` 0, pairs: the columns ``user`` and ``item``. Else those who want a list: the
        column ``user``; or what new users rated: ``item`` (an id) or ``title``, ``rating`` and,
        of several, ``user``.
    n
        Items that each user is recommended.

    Returns
    -------
    A record a pair, in order: ``prediction``, ``low``, ``high`` and ``fallback``. Or those of
    ``Recommender.recommend``, the best item of each user first. What is missing is None.

    Raises
    ------
    InputError
        That says which record cannot be used, and what to send instead.
    """
    if asked.empty:
        raise InputError("there are no records. Send one or more.")
    if not 0 <= n <= MAX_N:
        raise InputError(f"n is {n}. Send a number of items from 1 to {MAX_N}, or none for pairs.")
    if n == 0:
        return _predicted(recommender, asked)
    if "rating" in asked:
        recommender = recommender.with_new_users(_given(recommender, asked))
        return _records(recommender.recommend(recommender.users, n))
    if unused := [name for name in ("item", "title") if name in asked]:
        raise InputError(
            f"with n, the column {unused[0]!r} needs a `rating` beside it, that of someone new. "
            "Send users alone for their best items, or leave n out for ratings of pairs."
        )
    return _records(recommender.recommend(_ids(asked, "user"), n))


def _predicted(recommender: Recommender, asked: pd.DataFrame) -> list[Record]:
    found = recommender.predict_columns(_ids(asked, "user"), _ids(asked, "item"))
    columns = [_plain(column) for column in found.values()]
    return [dict(zip(found, values, strict=True)) for values in zip(*columns, strict=True)]


def _given(recommender: Recommender, asked: pd.DataFrame) -> pd.DataFrame:
    """The ratings of new users, every one checked."""
    of = "item" if "item" in asked else "title"
    users = _ids(asked, "user") if "user" in asked else [NEW_USER] * len(asked)
    rows = zip(users, _ids(asked, of), asked["rating"].tolist(), strict=True)
    given = []
    for number, (user, item, rating) in enumerate(rows, 1):
        places = f"record {number}, {of}", f"record {number}, rating"
        given.append(Given(user, item, f"{rating:g}", places, of == "item"))
    return read_ratings(given, recommender.search, recommender.data.scale)


def _ids(asked: pd.DataFrame, column: str) -> list[str]:
    """Ids as text; a whole number counts as one."""
    if column not in asked:
        raise InputError(
            f"the records have no {column!r}. Send `user` and `item` for ratings of pairs, or "
            '`user` alone and "params": {"n": 10} for the best items.'
        )
    values = asked[column].tolist()
    for at, value in enumerate(values):
        if type(value) is int:
            values[at] = str(value)
        elif not isinstance(value, str) or not value:
            raise InputError(
                f'record {at + 1}: {column} is {repr(value)[:SHOWN]}. Send text, such as "196".'
            )
    return values


def _records(table: pd.DataFrame) -> list[Record]:
    columns = [_plain(table[name].astype(object)) for name in table]
    names = [str(name) for name in table]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _plain(column: Any) -> list[Any]:
    """Values that JSON has: numbers rounded, None for what is missing."""
    return [_plain_value(value) for value in column.tolist()]


def _plain_value(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, DECIMALS)
    return None if value is pd.NA else value
