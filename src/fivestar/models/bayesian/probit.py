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
TAIL = 0.02425
"""Probability of each side where ``normal_quantile`` takes another formula."""


@compiled
def normal_cdf(x: float) -> float:
    """Probability that a standard normal is below x, relative error 1e-7.

    Without a branch, so that many are computed at a time: with t = 1 / (1 + w / 2) the error
    function's complement is t exp(p(t) - w^2). The polynomial p was fitted at Chebyshev's nodes
    to SciPy's ``erfcx`` from w = 0 to 27.
    """
    w = 0.7071067811865476 * abs(x)
    t = 1 / (1 + 0.5 * w)
    power = -0.859191413 + t * 0.178562575
    power = -1.21943462 + t * (1.563877 + t * power)
    power = -0.209267202 + t * (0.335180378 + t * power)
    power = 0.373332343 + t * (0.102381034 + t * power)
    power = -1.26551332 + t * (1.00007331 + t * power)
    beyond = 0.5 * t * _exponential(max(power - w * w, -700.0))
    return beyond if x < 0 else 1 - beyond


@compiled
def _exponential(x: float) -> float:
    """Of -700 to 0, relative error 1e-8; the library's own is computed one at a time."""
    n = np.int64(x * 1.4426950408889634 - 0.5)
    r = x - n * 0.6931471805599453
    power = 1 / 24 + r * (1 / 120 + r * (1 / 720 + r / 5040))
    power = 1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * power)))
    two_to_n: float = np.int64((n + np.int64(1023)) << np.int64(52)).view(np.float64)
    return power * two_to_n


@compiled
def normal_quantile(p: float) -> float:
    """Inverse of ``normal_cdf`` for 0 < p < 1, relative error 1.2e-9 (Acklam, 2003)."""
    if p < TAIL:
        return _tail(math.sqrt(-2 * math.log(p)))
    if p > 1 - TAIL:
        return -_tail(math.sqrt(-2 * math.log(1 - p)))
    return _middle(p)


@compiled
def _middle(p: float) -> float:
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
    below, above = np.empty(longest(starts)), np.empty(longest(starts))
    for row in range(len(starts) - 1):
        begin, end = starts[row], starts[row + 1]
        edge, root, n = edges[row if len(edges) > 1 else 0], roots[row], end - begin
        _probabilities(edge, levels[begin:end], scores[begin:end], root, below, above)
        for i in range(n):
            number = i if common else begin + i
            below[i] += uniform(key, number) * (above[i] - below[i])
        _to_quantiles(below[:n], above)
        for i in range(n):
            score, level = scores[begin + i], levels[begin + i]
            low, high = (edge[level] - score) * root, (edge[level + 1] - score) * root
            x = above[i]
            x = -min(max(x, -high), -low) if low > 0 else min(max(x, low), high)
            out[begin + i] = score + x / root


@compiled
def _to_quantiles(probabilities: Array, out: Array) -> None:
    """Infinite where a probability is 0 or 1: even the tail's vanishes."""
    n = len(probabilities)
    for i in range(n):  # without a branch, which then takes many at a time
        out[i] = _middle(probabilities[i])
    for i in range(n):
        p = probabilities[i]
        if abs(p - 0.5) > 0.5 - TAIL:
            out[i] = normal_quantile(p) if 1e-300 < p < 1 else np.inf


@compiled
def longest(starts: Indices) -> int:
    """Number of ratings of the user with the most."""
    most = 0
    for row in range(len(starts) - 1):
        most = max(most, starts[row + 1] - starts[row])
    return most


@compiled
def _probabilities(
    edge: Array, levels: NDArray[np.int8], scores: Array, root: float, below: Array, above: Array
) -> None:
    """Probabilities that e sqrt(a) is below the ends of each level, of one user's ratings.

    Where both ends are above zero they change places and signs: then differences keep their
    digits.
    """
    n = len(levels)
    for p in range(n):
        low = (edge[levels[p]] - scores[p]) * root
        high = (edge[levels[p] + 1] - scores[p]) * root
        mirrored = low > 0
        below[p] = -high if mirrored else low
        above[p] = -low if mirrored else high
    _to_probabilities(below[:n])
    _to_probabilities(above[:n])


@compiled
def _to_probabilities(x: Array) -> None:
    for p in range(len(x)):  # alone in its loop, which then takes many at a time
        x[p] = normal_cdf(x[p])


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
    below, above = np.empty(longest(starts)), np.empty(longest(starts))
    for row in range(len(starts) - 1):
        edge, own = edges[row if len(edges) > 1 else 0], slice(starts[row], starts[row + 1])
        out[row] = log_likelihood(edge, levels[own], scores[own], roots[row], below, above)


@compiled
def log_likelihood(
    edge: Array, levels: NDArray[np.int8], scores: Array, root: float, below: Array, above: Array
) -> float:
    """The same of one user; the last two are written to, and as long as the ratings or longer."""
    _probabilities(edge, levels, scores, root, below, above)
    total, product = 0.0, 1.0
    for p in range(len(levels)):
        product *= max(above[p] - below[p], MIN_PROBABILITY)
        # One logarithm serves many ratings.
        if product < 1e-200:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)
