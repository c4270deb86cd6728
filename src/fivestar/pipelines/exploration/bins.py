"""Numbers into bins with labels, in order: empty bins between others are kept."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DASH = "\u2013"
STEPS = (1, 2, 2.5, 5, 10, 20)
"""Widths of bins, times a power of ten."""


def nice_step(span: float, most: int, *, whole: bool = False) -> float:
    """The least round width that cuts ``span`` into ``most`` bins or fewer.

    Parameters
    ----------
    whole
        Whether the width must be a whole number.
    """
    widths = _widths(max(span / most, 1.0 if whole else 1e-9))
    return next(width for width in widths if not whole or width == round(width))


def even_step(span: float, most: int) -> float:
    """The least round width that cuts ``span`` into ``most`` bins or fewer; equal ones, if any."""
    widths = _widths(span / most)
    return next((w for w in widths if math.isclose(span / w, round(span / w))), widths[0])


def _widths(least: float) -> list[float]:
    """Round widths from ``least`` on."""
    power = 10.0 ** math.floor(math.log10(least))
    return [step * power for step in STEPS if step * power >= least * (1 - 1e-9)]


def in_bins(
    values: pd.Series, low: float, high: float, step: float, *, whole: bool = False
) -> pd.Series:
    """The bin of each value, as an ordered category such as ``3.4-3.6`` or ``20-29``.

    Parameters
    ----------
    values
        Missing ones stay missing. The end bins hold all that is beyond them, and say so.
    low, high
        Where the first bin begins and the last one ends, about; ``high`` belongs to it.
    step
        Width of a bin.
    whole
        Whether the values are whole numbers: then a bin is named by its first and last one.
    """
    n_bins = max(int(np.ceil((high + whole - low) / step - 1e-9)), 1)
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    starts = [low + step * n for n in range(n_bins)]
    labels = [_range(start, start + step, whole) for start in starts]
    if (numbers < low).any():
        labels[0] = f"under {_short(low + step)}"
    if (numbers > low + step * n_bins - whole).any():
        labels[-1] = f"{_short(starts[-1])} and more"
    bins = np.clip(np.floor((numbers - low) / step + 1e-9), 0, n_bins - 1)
    return ordered(bins, labels, values.index)


def in_count_bins(counts: pd.Series) -> pd.Series:
    """The bin of each count, two bins for every doubling: 1, 2, 3, 4-5, 6-7, 8-10, 11-15, ...

    Equal steps are equal factors, as on a logarithmic axis.
    """
    most = int(counts.max()) if len(counts) else 1
    halves = np.arange(2 * np.log2(most + 1) + 3)
    edges = np.unique(np.rint(np.sqrt(2.0) ** halves).astype(np.int64))
    bins = np.searchsorted(edges, counts.to_numpy(), side="right") - 1
    labels = [
        f"{low:,}" if low + 1 == end else f"{low:,}{DASH}{end - 1:,}"
        for low, end in pairwise(edges)
    ]
    first, last = (bins.min(), bins.max()) if len(bins) else (0, -1)
    return ordered(bins - float(first), labels[first : last + 1], counts.index)


def ordered(bins: NDArray[np.floating], labels: list[str], index: pd.Index) -> pd.Series:
    """Positions of labels, NaN for none, as an ordered category."""
    codes = np.where(np.isnan(bins), -1, bins).astype(np.int64)
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(labels), ordered=True), index=index)


def _range(low: float, end: float, whole: bool) -> str:
    last = end - 1 if whole else end
    return _short(low) if low == last else f"{_short(low)}{DASH}{_short(last)}"


def _short(number: float) -> str:
    return f"{round(number, 6):.10g}"
