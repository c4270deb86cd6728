"""Whether the model predicts new ratings as well as it did those it was tested on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.metrics.drift import Clustered, Estimate, compare_means
from fivestar.metrics.significance import half_means, interval
from fivestar.pipelines.monitoring.checks import Check, not_checked, of_estimate, verdict
from fivestar.pipelines.monitoring.predictions import Predicted, inside_intervals
from fivestar.pipelines.monitoring.settings import MonitoringSettings
from fivestar.pipelines.monitoring.shares import MAX_LEVELS, nearest
from fivestar.ratings import TrainingData

FloatArray = NDArray[np.float64]

LEVEL = 0.9
"""Nominal fraction of ratings in the intervals that are checked."""
MIN_WINDOW = 50
"""Ratings in a window: fewer ratings are cut into fewer windows."""
WINDOWS = [
    *("window", "first", "last", "n_ratings", "n_users", "unknown", "rmse", "low", "high"),
    *("difference", "difference_low", "difference_high", "verdict"),
]
STARS = [
    *("rating", "predicted", "given", "gap", "earlier_gap", "drift", "low", "high"),
]


def check_unknown(new: Predicted, earlier: Predicted, settings: MonitoringSettings) -> list[Check]:
    """The shares of the ratings by unknown users, and of unknown items."""
    shares = _compare(
        settings,
        *(
            Clustered(part.users, np.column_stack([part.unknown_users, part.unknown_items]))
            for part in (new, earlier)
        ),
    )
    limits = settings.limits
    users = len(np.unique(new.users[new.unknown_users])), len(np.unique(new.users))
    return [
        of_estimate(
            "unknown_users",
            shares[0],
            limits.unknown_users,
            f"{users[0]:,} of {users[1]:,} users have no rating in the training data, and gave "
            f"{new.unknown_users.sum():,} of {len(new.users):,} new ratings",
        ),
        of_estimate(
            "unknown_items",
            shares[1],
            limits.unknown_items,
            f"{new.unknown_items.sum():,} of {len(new.users):,} new ratings are of items without a "
            "rating in the training data",
        ),
    ]


def check_errors(
    new: Predicted, earlier: Predicted, data: TrainingData, settings: MonitoringSettings
) -> list[Check]:
    """RMSE and mean error of the pairs that the model knows."""
    limits = settings.limits
    if not (new.known.any() and earlier.known.any()):
        why = f"no pair of the new or of the {earlier.part} ratings is of a known user and item"
        return [
            not_checked("rmse", limits.rmse, why),
            not_checked("mean_error", limits.mean_error, why),
        ]
    root = _rmse(new, earlier, new.known, settings)
    (mean,) = _compare(
        settings, *(Clustered(p.users[p.known], p.errors[p.known, None]) for p in (new, earlier))
    )
    unit = (data.scale.highest - data.scale.lowest) / 4
    return [
        of_estimate(
            "rmse",
            root,
            limits.rmse * root.reference,
            f"{root.value:.4f} on {new.known.sum():,} pairs of known users and items; "
            f"{root.reference:.4f} on {earlier.part}",
        ),
        of_estimate(
            "mean_error",
            mean,
            limits.mean_error * unit,
            f"ratings are {mean.value:+.3f} from their predictions on average; "
            f"{mean.reference:+.3f} on {earlier.part}",
            both_ways=True,
        ),
    ]


def follow_windows(
    new: Predicted, earlier: Predicted, settings: MonitoringSettings
) -> tuple[pd.DataFrame, Check]:
    """The RMSE of known pairs by time, in windows of as many new ratings each.

    Returns
    -------
    windows
        ``first`` and ``last`` date, sizes, the share ``unknown`` of users or items, ``rmse`` with
        the ends of its interval, its difference from the earlier RMSE with the same, the verdict.
    check
        Of the latest window.
    """
    limit = settings.limits.latest_rmse
    if new.times is None:
        why = "the ratings have no timestamps (`ingestion.columns.timestamp`)"
        return pd.DataFrame(columns=WINDOWS), not_checked("latest_rmse", limit, why)
    order = np.argsort(new.times, kind="stable")
    n_windows = min(settings.n_windows, max(len(order) // MIN_WINDOW, 1))
    rows, found = [], None
    for number, window in enumerate(np.array_split(order, n_windows), start=1):
        known = np.zeros(len(order), dtype=np.bool_)
        known[window] = new.known[window]
        row = {
            "window": number,
            "first": _date(new.times[window[0]]),
            "last": _date(new.times[window[-1]]),
            "n_ratings": len(window),
            "n_users": len(np.unique(new.users[window])),
            "unknown": float(np.mean(~new.known[window])),
        }
        found = None
        if known.any() and earlier.known.any():
            found = _rmse(new, earlier, known, settings)
            low, high = rmse_interval(new, known, settings)
            row |= {
                **{"rmse": found.value, "low": low, "high": high, "difference": found.drift},
                **{"difference_low": found.low, "difference_high": found.high},
                "verdict": verdict(found.drift, found.low, limit * found.reference),
            }
        rows.append(row)
    windows = pd.DataFrame(rows).reindex(columns=WINDOWS)
    if found is None:
        why = "no pair of the latest window is of a known user and item"
        return windows, not_checked("latest_rmse", limit, why)
    finding = (
        f"{found.value:.4f} from {rows[-1]['first']} to {rows[-1]['last']}, the latest of "
        f"{n_windows} windows; {found.reference:.4f} on {earlier.part}"
    )
    return windows, of_estimate("latest_rmse", found, limit * found.reference, finding)


def check_coverage(new: Predicted, earlier: Predicted, settings: MonitoringSettings) -> Check:
    """Whether as many ratings lie inside the 90 % intervals as did."""
    limit = settings.limits.coverage
    if new.probabilities is None or not (new.known.any() and earlier.known.any()):
        return not_checked("coverage", limit, _no_probabilities(new))
    inside = [inside_intervals(part, LEVEL, settings.seed) for part in (new, earlier)]
    (found,) = _compare(
        settings,
        *(
            Clustered(part.users[part.known], held[part.known, None])
            for part, held in zip((new, earlier), inside, strict=True)
        ),
    )
    finding = (
        f"{100 * found.value:.1f} % of the ratings lie in their 90 % intervals; "
        f"{100 * found.reference:.1f} % on {earlier.part}"
    )
    return of_estimate("coverage", found, limit, finding, both_ways=True)


def check_reliability(
    new: Predicted, earlier: Predicted, settings: MonitoringSettings
) -> tuple[pd.DataFrame, Check]:
    """How often each rating is given, and how often it is by the predicted probabilities.

    Returns
    -------
    stars
        ``rating``, the shares ``predicted`` and ``given``, the ``gap`` between them, the same gap
        in the earlier ratings, and ``drift``, their difference, with the ends of its interval
        (which hold for all ratings together).
    check
        Of the rating whose gap has changed most.
    """
    limit = settings.limits.reliability
    levels = new.levels
    if new.probabilities is None or levels is None or not (new.known.any() and earlier.known.any()):
        why = _no_probabilities(new)
        return pd.DataFrame(columns=STARS), not_checked("reliability", limit, why)
    if len(levels) > MAX_LEVELS:
        why = f"ratings are on a continuous scale, of {len(levels)} levels"
        return pd.DataFrame(columns=STARS), not_checked("reliability", limit, why)
    found = _compare(
        settings,
        *(
            Clustered(part.users[part.known], (_given(part) - _predicted(part))[part.known])
            for part in (new, earlier)
        ),
        n_compared=len(levels),
    )
    stars = pd.DataFrame(
        {
            "rating": levels,
            "predicted": _predicted(new)[new.known].mean(axis=0),
            "given": _given(new)[new.known].mean(axis=0),
            "gap": [each.value for each in found],
            "earlier_gap": [each.reference for each in found],
            "drift": [each.drift for each in found],
            "low": [each.low for each in found],
            "high": [each.high for each in found],
        }
    )
    worst = int(stars["drift"].abs().argmax())
    row = stars.iloc[worst]
    finding = (
        f"{row['rating']:g} is given {100 * row['given']:.1f} % of the time where "
        f"{100 * row['predicted']:.1f} % were predicted; the gap was "
        f"{100 * row['earlier_gap']:+.1f} points on {earlier.part}"
    )
    return stars, of_estimate("reliability", found[worst], limit, finding, both_ways=True)


def rmse_interval(
    part: Predicted, rows: NDArray[np.bool_], settings: MonitoringSettings
) -> tuple[float, float]:
    """The interval of the RMSE of some rows."""
    codes, users = np.unique(part.users[rows], return_inverse=True)
    sums, counts = Clustered(users, part.errors[rows, None] ** 2).sums(len(codes))
    halves = half_means(sums, counts, settings.n_resamples, settings.seed)
    return interval(np.sqrt(halves[:, :, 0]), settings.confidence)


def _rmse(
    new: Predicted, earlier: Predicted, rows: NDArray[np.bool_], settings: MonitoringSettings
) -> Estimate:
    """The RMSE of some new ratings beside that of the earlier known pairs."""
    (found,) = _compare(
        settings,
        Clustered(new.users[rows], new.errors[rows, None] ** 2),
        Clustered(earlier.users[earlier.known], earlier.errors[earlier.known, None] ** 2),
        of_means=lambda means: np.sqrt(np.maximum(means, 0)),
    )
    return found


def _compare(
    settings: MonitoringSettings,
    new: Clustered,
    earlier: Clustered,
    *,
    n_compared: int = 1,
    of_means: Callable[[FloatArray], FloatArray] = lambda means: means,
) -> list[Estimate]:
    """Each interval at a confidence at which all of so many hold together (Bonferroni)."""
    return compare_means(
        new,
        earlier,
        confidence=1 - (1 - settings.confidence) / n_compared,
        n_resamples=settings.n_resamples,
        seed=settings.seed,
        of_means=of_means,
    )


def _given(part: Predicted) -> FloatArray:
    """(n_ratings, n_levels) with a 1 at the rating that was given."""
    assert part.levels is not None
    return np.eye(len(part.levels))[nearest(part.levels, part.ratings)]


def _predicted(part: Predicted) -> FloatArray:
    assert part.probabilities is not None
    return part.probabilities.astype(np.float64)


def _no_probabilities(part: Predicted) -> str:
    if part.probabilities is None:
        return "the model gives no probabilities of ratings"
    return "no pair is of a known user and item"


def _date(seconds: float) -> str:
    return f"{pd.Timestamp(seconds, unit='s'):%Y-%m-%d}"
