"""Whether people give other stars than they did, and rate other items."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.metrics.drift import UserSamples, jensen_shannon, total_variation
from fivestar.pipelines.monitoring.checks import Check, check, not_checked
from fivestar.pipelines.monitoring.settings import MonitoringSettings
from fivestar.ratings import Indices, Scale, TrainingData, Vocabulary

FloatArray = NDArray[np.float64]

MAX_LEVELS = 20
"""Different ratings that are counted one by one; where there are more they are put into bins."""
BINS = 10
SHOWN_ITEMS = 10
"""Items whose share rose most, and fell most, in the table and the picture."""


def compare_stars(
    new_ratings: pd.DataFrame, data: TrainingData, settings: MonitoringSettings
) -> tuple[pd.DataFrame, Check]:
    """The share of each rating in train and validation, and in the new ratings.

    Returns
    -------
    shares
        ``rating`` (or the middle of a bin), ``earlier``, ``new``.
    check
        Of the total variation distance; by the triangle inequality the true one is at least this
        distance minus that of a sample without drift, and at the most their sum.
    """
    earlier = data.ratings.data
    given = new_ratings["rating"].to_numpy(dtype=earlier.dtype)
    levels = levels_of(np.concatenate([earlier, given]), data.scale)

    def count(values: FloatArray) -> FloatArray:
        return np.bincount(nearest(levels, values), minlength=len(levels)).astype(float)

    before, now = count(earlier), count(given)
    value = total_variation(now, before)
    chance, most = _by_chance(
        data,
        new_ratings,
        settings,
        lambda _, values: total_variation(count(values), before),
    )
    shares = pd.DataFrame(
        {"rating": levels, "earlier": before / before.sum(), "new": now / now.sum()}
    )
    row = shares.iloc[int((shares["new"] - shares["earlier"]).abs().argmax())]
    finding = (
        f"ratings of {row['rating']:g} changed most: {100 * row['new']:.1f} % now, "
        f"{100 * row['earlier']:.1f} % before"
    )
    drift = max(value - chance, 0.0), max(value - most, 0.0), min(value + most, 1.0)
    return shares, check("stars", value, chance, drift, settings.limits.stars, finding)


def compare_items(
    new_ratings: pd.DataFrame,
    data: TrainingData,
    item_table: pd.DataFrame,
    settings: MonitoringSettings,
) -> tuple[pd.DataFrame, Check]:
    """How large a share of the ratings goes to each item that train or validation has.

    Returns
    -------
    shares
        ``item``, ``shown`` (its title), ``earlier``, ``new`` and ``change``, of the items that
        changed most.
    check
        Of the Jensen-Shannon distance. Its square grows by chance by about what it is without
        drift, so that is taken off the square.
    """
    items = data.vocabulary.indices(new_ratings)[1]
    before = np.bincount(data.ratings.indices, minlength=len(item_table)).astype(float)
    rated = (items >= 0) & (before > 0)[items]
    known = new_ratings[rated]
    limit = settings.limits.popularity
    if known.empty:
        columns = ["item", "shown", "earlier", "new", "change"]
        why = "every item is unknown"
        return pd.DataFrame(columns=columns), not_checked("popularity", limit, why)

    def count(indices: Indices) -> FloatArray:
        return np.bincount(indices, minlength=len(before)).astype(float)

    now = count(items[rated])
    value = jensen_shannon(now, before)
    chance, most = _by_chance(
        data, known, settings, lambda drawn, _: jensen_shannon(count(drawn), before)
    )
    shares = item_table[["item", "shown"]].assign(
        earlier=before / before.sum(), new=now / now.sum()
    )
    shares["change"] = shares["new"] - shares["earlier"]
    shares = shares.sort_values("change", ascending=False, kind="stable", ignore_index=True)
    row = shares.iloc[0]
    finding = (
        f"{row['shown']} rose most: {100 * row['new']:.2f} % of the ratings now, "
        f"{100 * row['earlier']:.2f} % before"
    )
    ends = (
        float(np.sqrt(max(value**2 - chance**2, 0))),
        float(np.sqrt(max(value**2 - most**2, 0))),
        float(np.sqrt(min(value**2 + most**2, 1))),
    )
    changed_most = pd.concat([shares.head(SHOWN_ITEMS), shares.tail(SHOWN_ITEMS)])
    return (
        changed_most.drop_duplicates("item", ignore_index=True),
        check("popularity", value, chance, ends, limit, finding),
    )


def levels_of(values: NDArray[np.floating], scale: Scale) -> FloatArray:
    """The different ratings in rising order, or the middles of bins where they are many."""
    levels = np.unique(values).astype(np.float64)
    if len(levels) <= MAX_LEVELS:
        return levels
    edges = np.linspace(scale.lowest, scale.highest, BINS + 1)
    middles: FloatArray = (edges[1:] + edges[:-1]) / 2
    return middles


def nearest(levels: FloatArray, values: NDArray[np.floating]) -> Indices:
    """The index of the level that each value is nearest to."""
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, values)


def _by_chance(
    data: TrainingData,
    new_ratings: pd.DataFrame,
    settings: MonitoringSettings,
    distance: Callable[[Indices, FloatArray], float],
) -> tuple[float, float]:
    """The distance of samples of train and validation: the mean, and what few of them exceed."""
    users = Vocabulary.of([new_ratings]).indices(new_ratings)[0]
    samples = UserSamples(data.ratings, np.bincount(users), settings.seed)
    distances = [distance(*drawn) for drawn in samples.draw(settings.n_draws)]
    return float(np.mean(distances)), float(np.quantile(distances, 0.5 + settings.confidence / 2))
