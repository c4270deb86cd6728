"""Where predictions are wrong: by what was predicted, and by how much is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fivestar.metrics import rmse
from fivestar.ratings import Scale

Z95 = 1.96
"""Standard errors on each side of a mean that hold 95 %."""


def calibration(actual: ArrayLike, predicted: ArrayLike, scale: Scale, n_bins: int) -> pd.DataFrame:
    """Mean rating given against mean prediction, in bins of the prediction of equal width.

    Returns
    -------
    ``predicted`` and ``actual`` means, ``low`` and ``high`` ends of the latter's 95 % interval,
    ``n_ratings``; empty bins have no row. Predictions off the scale are in the outer bins.
    """
    table = pd.DataFrame({"actual": actual, "predicted": predicted}, dtype="float64")
    share = (table["predicted"] - scale.lowest) / (scale.highest - scale.lowest)
    bins = np.clip(np.floor(share * n_bins), 0, n_bins - 1)
    groups = table.groupby(bins)
    means = groups.mean()
    n_ratings = groups.size()
    half: pd.Series = Z95 * groups["actual"].std().fillna(0) / np.sqrt(n_ratings)
    means = means.assign(low=means["actual"] - half, high=means["actual"] + half)
    return means.assign(n_ratings=n_ratings).reset_index(drop=True)


def errors_by_count(
    counts: NDArray[np.integer], actual: ArrayLike, predicted: ArrayLike, n_groups: int
) -> pd.DataFrame:
    """Errors of ratings grouped by a count, of the item's train ratings for instance.

    The groups hold about equally many ratings, so that one figure is as sure as another; a
    count is never split, so there may be fewer groups.

    Returns
    -------
    ``least`` and ``most`` count, ``n_ratings``, ``rmse``, ``mean_error`` (prediction less
    rating); from small counts to large.
    """
    actual, predicted = np.asarray(actual, np.float64), np.asarray(predicted, np.float64)
    edges = np.unique(np.quantile(counts, np.arange(1, n_groups) / n_groups, method="inverted_cdf"))
    groups = np.searchsorted(edges, counts, side="left")
    rows = []
    for group in np.unique(groups):
        chosen = groups == group
        inside = counts[chosen]
        rows.append(
            {
                "least": int(inside.min()),
                "most": int(inside.max()),
                "n_ratings": int(chosen.sum()),
                "rmse": rmse(actual[chosen], predicted[chosen]),
                "mean_error": float(np.mean(predicted[chosen] - actual[chosen])),
            }
        )
    return pd.DataFrame(rows)


def histogram(residuals: NDArray[np.floating], scale: Scale, n_bins: int) -> pd.DataFrame:
    """Shares of the residuals in bins that cover the scale both ways; those beyond in the last.

    Returns
    -------
    ``low`` and ``high`` ends of the bins, ``share``, and the ``normal`` share that a normal
    distribution of the same mean and spread has there.
    """
    from scipy.stats import norm

    width = scale.highest - scale.lowest
    edges = np.linspace(-width, width, n_bins + 1)
    counts, _ = np.histogram(np.clip(residuals, -width, width), edges)
    spread = float(np.std(residuals)) or 1e-12
    expected = np.diff(norm.cdf(edges, float(np.mean(residuals)), spread))
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "share": counts / max(len(residuals), 1),
            "normal": expected,
        }
    )
