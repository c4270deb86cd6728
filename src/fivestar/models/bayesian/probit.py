"""Compiled parts of the ordinal probit: the normal distribution, latent ratings, likelihoods."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fivestar.models.compiled import compiled
from fivestar.ratings import Indices

Array = NDArray[np.floating]

MIN_PROBABILITY = 1e-12
"""Of a rating: its logarithm stays finite."""


@compiled
def normal_cdf(x: float) -> float:
    """Probability that a standard normal is below x."""
    return 0.5 * math.erfc(-0.7071067811865476 * x)


@compiled
def normal_quantile(p: float) -> float:
    """Inverse of ``normal_cdf`` for 0 < p < 1, relative error 1.2e-9 (Acklam, 2003)."""
    if p < 0.02425:
        return _tail(math.sqrt(-2 * math.log(p)))
    if p > 0.97575:
        return -_tail(math.sqrt(-2 * math.log(1 - p)))
    q = p - 0.5
    r = q * q
    top = -3.969683028665376e01 * r + 2.209460984245205e02
    top = (top * r - 2.759285104469687e02) * r + 1.383577518672690e02
    top = (top * r - 3.066479806614716e01) * r + 2.506628277459239e00
    low = -5.447609879822406e01 * r + 1.615858368580409e02
    low = (low * r - 1.556989798598866e02) * r + 6.680131188771972e01
    low = (low * r - 1.328068155288572e01) * r + 1
    return q * top / low


@compiled
def _tail(q: float) -> float:
    top = -7.784894002430293e-03 * q - 3.223964580411365e-01
    top = (top * q - 2.400758277161838e00) * q - 2.549732539343734e00
    top = (top * q + 4.374664141464968e00) * q + 2.938163982698783e00
    low = 7.784695709041462e-03 * q + 3.224671290700398e-01
    low = (low * q + 2.445134137142996e00) * q + 3.754408661907416e00
    return top / (low * q + 1)


@compiled
def truncated_normal(low: float, high: float, uniform: float) -> float:
    """A standard normal between low and high by inversion, from a uniform of (0, 1).

    The upper tail is mirrored, so that differences of probabilities keep their digits; where
    even the lower tail's probability vanishes, the end nearest to zero is returned.
    """
    mirrored = low > 0
    if mirrored:
        low, high = -high, -low
    below, above = normal_cdf(low), normal_cdf(high)
    p = below + uniform * (above - below)
    x = normal_quantile(p) if 1e-300 < p < 1 else high
    x = min(max(x, low), high)
    return -x if mirrored else x


@compiled
def uniform(key: np.uint64, number: int) -> float:
    """The uniform of (0, 1) of this number in a stream; splitmix64 of Steele et al., 2014.

    ("Fast splittable pseudorandom number generators".) Any is found without those before it,
    so threads find theirs.
    """
    z = key + np.uint64(number) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (float(z >> np.uint64(11)) + 0.5) / (1 << 53)


@compiled
def sample_latent(
    starts: Indices,
    levels: NDArray[np.int8],
    scores: Array,
    edges: Array,
    roots: Array,
    key: np.uint64,
    common: bool,
    out: Array,
) -> None:
    """Draw z_ui ~ N(f_ui, 1 / a_u) between the edges of its level (Albert and Chib, 1993).

    Of each rating ``levels`` has the index of its level and ``scores`` f; ``out`` is written.
    ``edges``, (n_users or 1, n_levels + 1), are the cutpoints between minus and plus infinity,
    ``roots``, (n_users,), sqrt(a_u). The uniforms are those of a stream, by the ratings' places
    or, if ``common``, by their places among the user's.
    """
    for row in range(len(starts) - 1):
        edge = edges[row if len(edges) > 1 else 0]
        root = roots[row]
        first = starts[row] if common else 0
        for p in range(starts[row], starts[row + 1]):
            low = (edge[levels[p]] - scores[p]) * root
            high = (edge[levels[p] + 1] - scores[p]) * root
            out[p] = scores[p] + truncated_normal(low, high, uniform(key, p - first)) / root


@compiled
def log_likelihoods(
    starts: Indices,
    levels: NDArray[np.int8],
    scores: Array,
    edges: Array,
    roots: Array,
    out: Array,
) -> None:
    """Logarithm of the probability of each user's levels, (n_users,), latent ratings summed out."""
    for row in range(len(starts) - 1):
        edge = edges[row if len(edges) > 1 else 0]
        root = roots[row]
        total, product = 0.0, 1.0
        for p in range(starts[row], starts[row + 1]):
            high = normal_cdf((edge[levels[p] + 1] - scores[p]) * root)
            low = normal_cdf((edge[levels[p]] - scores[p]) * root)
            product *= max(high - low, MIN_PROBABILITY)
            # One logarithm serves many ratings.
            if product < 1e-200:
                total += math.log(product)
                product = 1.0
        out[row] = total + math.log(product)
