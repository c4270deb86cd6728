"""What is counted in the training ratings, before anything is drawn."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.errors import InputError
from fivestar.pipelines.exploration.bins import even_step, in_bins, ordered
from fivestar.pipelines.exploration.features import categories
from fivestar.pipelines.exploration.settings import ExplorationSettings
from fivestar.ratings import Scale
from fivestar.ratings.titles import shown_titles

logger = logging.getLogger(__name__)

MOST_STARS = 25
"""Different ratings that get a bar each; of more, the scale is cut into bins."""
MOST_PERIODS = 150
"""Bars of the ratings over time."""
PERIOD_COLUMNS = ["unit", "start", "end", "n_ratings", "mean_rating", "first", "last"]
DAY = 86_400
MONTHS = {"month": 1, "quarter": 3, "year": 12}
UNITS = ("day", "week", *MONTHS)


def describe_users(
    train: pd.DataFrame, users: pd.DataFrame, settings: ExplorationSettings
) -> pd.DataFrame:
    """One row a user of train, the most active first.

    Returns
    -------
    table
        ``user``, ``n_ratings``, ``mean_rating``, and the side table's categories.
    """
    table = _count(train, "user")
    return _beside(table, users, "user", settings)


def describe_items(
    train: pd.DataFrame, items: pd.DataFrame, settings: ExplorationSettings
) -> pd.DataFrame:
    """One row an item of train, the most rated first.

    Returns
    -------
    table
        ``item``, ``title`` (with the year; the id where there is none), ``n_ratings``,
        ``mean_rating``, and the side table's categories.
    """
    table = _count(train, "item")
    table.insert(1, "title", shown_titles(items, pd.Index(table["item"])))
    return _beside(table, items.drop(columns="title", errors="ignore"), "item", settings)


def _count(train: pd.DataFrame, name: str) -> pd.DataFrame:
    ratings = train.groupby(name)["rating"]
    table = pd.DataFrame({"n_ratings": ratings.size(), "mean_rating": ratings.mean()})
    return table.sort_values("n_ratings", ascending=False, kind="stable").reset_index()


def _beside(
    table: pd.DataFrame, side: pd.DataFrame, name: str, settings: ExplorationSettings
) -> pd.DataFrame:
    rows = side.set_index(name).reindex(pd.Index(table[name])).reset_index(drop=True)
    found = categories(rows, settings.most_categories)
    found = found.rename(columns={name: f"{name} (side table)" for name in table})
    return pd.concat([table, found], axis=1)


def count_stars(train: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """How often each number of stars was given.

    Returns
    -------
    table
        ``stars`` (text, in order; those that nobody gave too), ``n_ratings``, ``share``.
    """
    ratings, span = train["rating"], scale.highest - scale.lowest
    given = np.union1d(ratings.unique(), [scale.lowest, scale.highest])
    step = float(np.diff(given).min())
    places = (given - scale.lowest) / step
    if np.allclose(places, places.round()) and span / step < MOST_STARS:
        labels = [f"{star:.6g}" for star in np.arange(scale.lowest, scale.highest + step / 2, step)]
        stars = ordered(np.rint((ratings.to_numpy() - scale.lowest) / step), labels, ratings.index)
    else:
        width = even_step(span, MOST_STARS)
        stars = in_bins(ratings, scale.lowest, scale.highest, width)
    counts = stars.value_counts(sort=False)
    return pd.DataFrame(
        {
            "stars": counts.index.astype("str"),
            "n_ratings": counts.to_numpy(),
            "share": (counts / len(ratings)).to_numpy().round(5),
        }
    )


def cross(
    train: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame, settings: ExplorationSettings
) -> pd.DataFrame:
    """What the most active users gave to the most rated items.

    Parameters
    ----------
    users, items
        As ``describe_users`` and ``describe_items`` give them.

    Returns
    -------
    table
        Every pair: ``item``, ``title`` (different for each item), ``user``, ``rating`` (NaN
        where there is none).
    """
    rows = items.head(settings.n_items)[["item", "title"]]
    twice = rows["title"].duplicated(keep=False)
    rows = rows.assign(title=rows["title"].where(~twice, rows["title"] + " [" + rows["item"] + "]"))
    pairs = rows.merge(users.head(settings.n_users)[["user"]], how="cross")
    near = train[train["user"].isin(pairs["user"]) & train["item"].isin(pairs["item"])]
    return pairs.merge(near[["user", "item", "rating"]], how="left", on=["user", "item"])


def count_periods(train: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    """The training ratings by day, week, month, quarter or year.

    Parameters
    ----------
    ratings
        All of them: the parts carry no timestamps, so those of train are looked up here.

    Returns
    -------
    table
        ``unit``, ``start``, ``end``, ``n_ratings``, ``mean_rating``, and the days of its
        ``first`` and ``last`` rating; dates are text. Periods without ratings between others
        are there too; no rows without timestamps.

    Raises
    ------
    InputError
        If the ratings are not those that were split.
    """
    if "timestamp" not in ratings:
        return pd.DataFrame(columns=PERIOD_COLUMNS)
    seconds = _seconds_of(train, ratings)
    unit, start, places = _periods(seconds)
    given = pd.DataFrame({"place": places, "day": seconds // DAY, "rating": train["rating"].array})
    table = given.groupby("place").agg(
        n_ratings=("rating", "size"),
        mean_rating=("rating", "mean"),
        first=("day", "min"),
        last=("day", "max"),
    )
    table = table.reindex(range(int(places.max()) + 1))
    table["n_ratings"] = table["n_ratings"].fillna(0).astype("int64")
    for name in ("first", "last"):
        table[name] = [None if np.isnan(n) else _date("day", int(n)) for n in table[name]]
    dates = [_date(unit, start + n) for n in range(len(table) + 1)]
    return table.assign(unit=unit, start=dates[:-1], end=dates[1:])[PERIOD_COLUMNS]


def _seconds_of(train: pd.DataFrame, ratings: pd.DataFrame) -> NDArray[np.int64]:
    """When each rating of train was given, seconds since 1970."""
    pair = ["user", "item"]
    dated = train[pair].merge(ratings[[*pair, "timestamp"]], how="left", on=pair)
    lacking = int(dated["timestamp"].isna().sum())
    if lacking:
        raise InputError(
            f"data/05_model_input/train.parquet: {lacking:,} ratings are not in "
            "data/03_primary/ratings.parquet, so it was split from others. Split again: "
            "`kedro run --pipelines ingestion,splitting`."
        )
    return dated["timestamp"].to_numpy(dtype=np.int64)


def _periods(seconds: NDArray[np.int64]) -> tuple[str, int, NDArray[np.int64]]:
    """The shortest unit with few enough periods, the first one, and each rating's place."""
    for unit in UNITS:
        numbers = _number(unit, seconds)
        first = int(numbers.min())
        if numbers.max() - first < MOST_PERIODS:
            break
    return unit, first, numbers - first


def _number(unit: str, seconds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of periods since 1970; weeks begin on Monday."""
    days = seconds // DAY
    if unit in ("day", "week"):
        return days if unit == "day" else (days + 3) // 7
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    number: NDArray[np.int64] = months.astype(np.int64) // MONTHS[unit]
    return number


def _date(unit: str, number: int) -> str:
    """The first day of a period."""
    if unit in ("day", "week"):
        return str(np.datetime64(number if unit == "day" else 7 * number - 3, "D"))
    return str(np.datetime64(number * MONTHS[unit], "M").astype("datetime64[D]"))


def summarise(
    train: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame, periods: pd.DataFrame
) -> dict[str, Any]:
    """The training ratings in a few figures; ``first`` and ``last`` are None without timestamps."""
    n_users, n_items = len(users), len(items)
    summary: dict[str, Any] = {
        "n_ratings": len(train),
        "n_users": n_users,
        "n_items": n_items,
        "density": len(train) / (n_users * n_items),
        "mean_rating": round(float(train["rating"].mean()), 6),
        "standard_deviation": round(float(train["rating"].std(ddof=0)), 6),
        "median_ratings_per_user": float(users["n_ratings"].median()),
        "median_ratings_per_item": float(items["n_ratings"].median()),
        "first": None if periods.empty else periods["first"].iloc[0],
        "last": None if periods.empty else periods["last"].iloc[-1],
    }
    logger.info(
        "%-24s %s training ratings by %s users on %s items, half of the users gave %g or more",
        "exploration",
        *(f"{n:,}" for n in (len(train), n_users, n_items)),
        summary["median_ratings_per_user"],
    )
    return summary
