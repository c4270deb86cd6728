"""Numbers into bins with labels, in order: empty bins between others are kept.

Altair's own bins would need every number in the page, where rows of equal bins are merged here;
and they are neither clicked like categories nor of equal factors.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.ratings import Scale

DASH = "\u2013"
STEPS = (1, 2, 2.5, 5, 10, 20)
"""Round widths of bins, times a power of ten."""
MAX_BARS = 25
"""Of a histogram over the scale."""


def round_step(span: float, max_bins: int, *, whole: bool = False, even: bool = False) -> float:
    """The least round width that cuts ``span`` into ``max_bins`` bins or fewer.

    It is a whole number if ``whole``; if ``even``, one that divides the span is preferred.
    """
    least = max(span / max_bins, 1.0 if whole else 1e-9)
    power = 10.0 ** math.floor(math.log10(least))
    steps = [step * power for step in STEPS if step * power >= least * (1 - 1e-9)]
    if whole:
        steps = [step for step in steps if step == round(step)]
    if even:
        steps = [step for step in steps if math.isclose(span / step, round(span / step))] or steps
    return steps[0]


def edges(low: float, high: float, step: float) -> NDArray[np.floating]:
    """Ends of equal bins from ``low`` to ``high`` or beyond it."""
    n_bins = max(math.ceil((high - low) / step - 1e-9), 1)
    return np.round(low + step * np.arange(n_bins + 1), 9)


def scale_cut(ratings: pd.Series, scale: Scale) -> pd.Series:
    """Equal bins from the scale's lowest rating to its highest."""
    step = round_step(scale.highest - scale.lowest, MAX_BARS, even=True)
    return cut(ratings, edges(scale.lowest, scale.highest, step))


def count_cut(counts: pd.Series) -> pd.Series:
    """Bins of counts, two for every doubling: 1, 2, 3, 4-5, 6-7, 8-10, 11-15, ...

    Equal steps are equal factors, as on a logarithmic axis.
    """
    halves = np.arange(2 * np.log2(counts.max() + 1) + 3)
    ends = np.unique(np.rint(np.sqrt(2.0) ** halves))
    first, last = np.searchsorted(ends, [counts.min(), counts.max()], side="right")
    return cut(counts, ends[first - 1 : last + 1], whole=True, comma=",")


def cut(
    values: pd.Series, edges: NDArray[np.floating], *, whole: bool = False, comma: str = ""
) -> pd.Series:
    """The bin of each value, as an ordered category such as ``3.4-3.6`` or ``20-29``.

    Missing values stay missing. The end bins hold all that is beyond them, and say so; the last
    edge itself belongs to the last bin.

    Parameters
    ----------
    whole
        Whether the values are whole numbers: then a bin is named by its first and last one.
    comma
        ``,`` between thousands, or nothing.
    """
    shown = [(f"{low:{comma}.10g}", f"{end - whole:{comma}.10g}") for low, end in pairwise(edges)]
    labels = [low if low == last else f"{low}{DASH}{last}" for low, last in shown]
    if values.min() < edges[0]:
        labels[0] = f"under {edges[1]:{comma}.10g}"
    if values.max() > edges[-1] - whole:
        labels[-1] = f"{shown[-1][0]} and more"
    inside = values.astype("float64").clip(edges[0], np.nextafter(edges[-1], -np.inf))
    return pd.cut(inside, edges.tolist(), right=False, labels=labels)
