"""Where predictions are wrong: by what was predicted, and by how much is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fivestar.ratings import Scale

Z95 = 1.96
"""Standard errors on each side of a mean that hold 95 %."""


def calibration(actual: ArrayLike, predicted: ArrayLike, scale: Scale, n_bins: int) -> pd.DataFrame:
    """Mean rating against mean prediction, in bins of the prediction of equal width.

    Returns
    -------
    ``predicted`` and ``actual`` means, ``low`` and ``high`` ends of the latter's 95 % interval,
    ``n_ratings``; empty bins have no row. Predictions off the scale are in the outer bins.
    """
    table = pd.DataFrame({"actual": actual, "predicted": predicted}, dtype="float64")
    edges = np.linspace(scale.lowest, scale.highest, n_bins + 1)[1:-1]
    groups = table.groupby(np.searchsorted(edges, table["predicted"], side="right"))
    means = groups.mean().assign(n_ratings=groups.size())
    half = Z95 * groups["actual"].sem().fillna(0)
    return means.assign(low=means["actual"] - half, high=means["actual"] + half).reset_index(
        drop=True
    )


def errors_by_count(
    counts: NDArray[np.integer], actual: ArrayLike, predicted: ArrayLike, n_groups: int
) -> pd.DataFrame:
    """Errors of ratings grouped by a count, of the item's train ratings for instance.

    The groups hold about equally many ratings, so that one figure is as sure as another; a
    count is never split, so there may be fewer groups.

    Returns
    -------
    ``min_count`` and ``max_count``, ``n_ratings``, ``rmse``, ``mean_error`` (prediction less
    rating); from small counts to large.
    """
    error = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    edges = np.unique(np.quantile(counts, np.arange(1, n_groups) / n_groups, method="inverted_cdf"))
    table = pd.DataFrame({"count": counts, "error": error, "square": error**2})
    groups = table.groupby(np.searchsorted(edges, counts, side="left")).agg(
        min_count=("count", "min"),
        max_count=("count", "max"),
        n_ratings=("count", "size"),
        rmse=("square", "mean"),
        mean_error=("error", "mean"),
    )
    return groups.assign(rmse=np.sqrt(groups["rmse"])).reset_index(drop=True)


def histogram(residuals: NDArray[np.floating], scale: Scale, n_bins: int) -> pd.DataFrame:
    """Shares of the residuals in bins that cover the scale both ways; those beyond in the last.

    Returns
    -------
    ``low`` and ``high`` ends of the bins, ``share``, and the ``normal`` share that a normal
    distribution of the same mean and standard deviation has there.
    """
    from scipy.stats import norm  # here: it takes half a second to import

    width = scale.highest - scale.lowest
    edges = np.linspace(-width, width, n_bins + 1)
    counts, _ = np.histogram(np.clip(residuals, -width, width), edges)
    deviation = float(np.std(residuals)) or 1e-12
    normal = np.diff(norm.cdf(edges, float(np.mean(residuals)), deviation))
    share = counts / max(len(residuals), 1)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "share": share, "normal": normal})
