"""What is counted in the training ratings, before anything is drawn."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from fivestar.pipelines.exploration.bins import MAX_BARS, scale_cut
from fivestar.pipelines.exploration.features import categories
from fivestar.pipelines.exploration.settings import ExplorationSettings
from fivestar.ratings import Scale

logger = logging.getLogger(__name__)

COLUMNS = ("user", "item", "title", "n_ratings", "mean_rating")
"""Of the tables of users and items; all others are features."""
MAX_PERIODS = 150
"""Bars of the ratings over time."""
UNITS = {"D": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}
"""Periods by what pandas calls them; weeks begin on Monday."""
PERIOD_COLUMNS = ["unit", "start", "end", "n_ratings", "mean_rating", "first", "last"]


def describe_users(
    train: pd.DataFrame, users: pd.DataFrame, settings: ExplorationSettings
) -> pd.DataFrame:
    """``user``, ``n_ratings``, ``mean_rating`` and features of users, the most active first."""
    return _describe(train, users.set_index("user"), settings)


def describe_items(
    train: pd.DataFrame, items: pd.DataFrame, settings: ExplorationSettings
) -> pd.DataFrame:
    """``item``, ``title``, ``n_ratings``, ``mean_rating`` and features, the most rated first."""
    known = items.set_index("item")
    features = known.drop(columns=["title", "shown", "n_ratings", "mean_rating"])
    table = _describe(train, features, settings)
    table.insert(1, "title", table["item"].map(known["shown"]))
    return table


def _describe(
    train: pd.DataFrame, features: pd.DataFrame, settings: ExplorationSettings
) -> pd.DataFrame:
    ratings = train.groupby(str(features.index.name))["rating"]
    table = pd.DataFrame({"n_ratings": ratings.size(), "mean_rating": ratings.mean()})
    table.index = table.index.astype("str")
    table = table.sort_values("n_ratings", ascending=False, kind="stable")
    found = categories(features.reindex(table.index), settings.most_categories)
    found = found.rename(columns={name: f"{name} (side table)" for name in COLUMNS})
    return table.join(found).reset_index()


def features_of(table: pd.DataFrame) -> list[str]:
    """The columns that users or items can be chosen by."""
    return [str(name) for name in table if name not in COLUMNS]


def count_ratings(train: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """``rating`` (text, in order; what nobody gave too), ``n_ratings`` and ``fraction``."""
    ratings, span = train["rating"], scale.highest - scale.lowest
    step = float(np.diff(np.union1d(ratings.unique(), [scale.lowest, scale.highest])).min())
    steps = (ratings - scale.lowest) / step
    if np.allclose(steps, steps.round()) and span / step < MAX_BARS:
        grid = np.arange(scale.lowest, scale.highest + step / 2, step)
        labels = pd.Index([f"{rating:.6g}" for rating in grid])
        codes = steps.round().astype("int64")
        bars = pd.Series(pd.Categorical.from_codes(codes, labels))
    else:
        bars = scale_cut(ratings, scale)
    counts = bars.value_counts(sort=False)
    table = counts.rename_axis("rating").reset_index(name="n_ratings").astype({"rating": "str"})
    return table.assign(fraction=(table["n_ratings"] / len(ratings)).round(5))


def cross(
    train: pd.DataFrame, users: pd.DataFrame, items: pd.DataFrame, settings: ExplorationSettings
) -> pd.DataFrame:
    """What the most active users gave to the most rated items, as the tables above tell.

    Every pair: ``item``, ``title`` (different for each item), ``user``, ``rating`` (NaN where
    there is none).
    """
    rows = items.head(settings.n_items)[["item", "title"]]
    twice = rows["title"].duplicated(keep=False)
    rows = rows.assign(title=rows["title"].where(~twice, rows["title"] + " [" + rows["item"] + "]"))
    pairs = rows.merge(users.head(settings.n_users)[["user"]], how="cross")
    near = train[train["user"].isin(pairs["user"]) & train["item"].isin(pairs["item"])]
    return pairs.merge(near[["user", "item", "rating"]], how="left", on=["user", "item"])


def count_periods(train: pd.DataFrame) -> pd.DataFrame:
    """The training ratings by day, week, month, quarter or year; no rows without timestamps.

    Returns
    -------
    table
        ``unit``, ``start``, ``end``, ``n_ratings``, ``mean_rating``, and the days of its
        ``first`` and ``last`` rating; dates are text. Empty periods are there too.
    """
    if "timestamp" not in train:
        return pd.DataFrame(columns=PERIOD_COLUMNS)
    days = pd.DatetimeIndex(train["timestamp"].to_numpy("datetime64[s]")).floor("D")
    for frequency in UNITS:
        periods = days.to_period(frequency)
        if (periods.max() - periods.min()).n < MAX_PERIODS:
            break
    every = pd.period_range(periods.min(), periods.max(), freq=frequency)
    given = pd.DataFrame({"day": days, "rating": train["rating"].array})
    table = given.groupby(periods).agg(
        n_ratings=("rating", "size"),
        mean_rating=("rating", "mean"),
        first=("day", "min"),
        last=("day", "max"),
    )
    table = table.reindex(every).fillna({"n_ratings": 0})
    table = table.astype({"n_ratings": "int64", "first": "str", "last": "str"})
    start, end = (p.asfreq("D", "S").astype("str") for p in (every, every + 1))
    table = table.assign(unit=UNITS[frequency], start=start, end=end)
    return table.reset_index(drop=True)[PERIOD_COLUMNS]


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
        "features": {"users": features_of(users), "items": features_of(items)},
    }
    logger.info(
        "exploration: %s training ratings by %s users on %s items, half of the users gave %g or "
        "more",
        *(f"{n:,}" for n in (len(train), n_users, n_items)),
        summary["median_ratings_per_user"],
    )
    return summary
