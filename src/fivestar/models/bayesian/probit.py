"""Compiled parts of the ordinal probit: the normal distribution, latent ratings, likelihoods."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fivestar.models.compiled import compiled
from fivestar.models.vector_loops import LANES
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
    ends = space_for_ends(starts)
    for row in range(len(starts) - 1):
        edge, begin = edges[row if len(edges) > 1 else 0], starts[row]
        of_user = slice(begin, starts[row + 1])
        find_ends(edge, levels[of_user], scores[of_user], roots[row], ends)
        _draw_between(ends, scores[of_user], roots[row], key, 0 if common else begin, out[of_user])


@compiled
def _draw_between(
    ends: Array, scores: Array, root: float, key: np.uint64, first: int, out: Array
) -> None:
    """Draw one user's latent ratings by a stream's numbers from ``first`` on.

    ``ends`` is what ``find_ends`` finds; its probabilities are overwritten.
    """
    n = -(-len(scores) // LANES) * LANES
    low, high, below, above = ends[0, :n], ends[1, :n], ends[2, :n], ends[3, :n]
    for p in range(n):
        below[p] += uniform(key, first + p) * (above[p] - below[p])
    for p in range(n):  # without a branch, which then takes many at a time
        above[p] = _middle(below[p])
    for p in range(len(scores)):
        if abs(below[p] - 0.5) > 0.5 - TAIL:
            # Infinite where even the tail's probability vanishes: cut to the nearer end.
            above[p] = normal_quantile(below[p]) if 1e-300 < below[p] < 1 else np.inf
    for p in range(len(scores)):
        mirrored = low[p] > 0
        least, most = (-high[p], -low[p]) if mirrored else (low[p], high[p])
        x = min(max(above[p], least), most)
        out[p] = scores[p] + (-x if mirrored else x) / root


@compiled
def space_for_ends(starts: Indices) -> Array:
    """Of any user's ratings, for ``find_ends``; up to a whole vector register."""
    most = 0
    for row in range(len(starts) - 1):
        most = max(most, starts[row + 1] - starts[row])
    return np.zeros((4, most + LANES))


@compiled
def find_ends(
    edge: Array, levels: NDArray[np.int8], scores: Array, root: float, ends: Array
) -> None:
    """Write the two ends of the level of each of a user's ratings, and their probabilities.

    The rows of ``ends``, (4, n_ratings or more), are the lower and the upper end less the score
    in standard deviations of the noise, and the probabilities that a standard normal is below
    them. Where both are above zero these are of the ends with places and signs changed: then
    differences keep their digits.
    """
    for p in range(len(levels)):
        level = np.uintp(levels[p])
        ends[0, p] = (edge[level] - scores[p]) * root
        ends[1, p] = (edge[level + np.uintp(1)] - scores[p]) * root
    n = -(-len(levels) // LANES) * LANES  # no rest that is computed one at a time
    low, high, below, above = ends[0, :n], ends[1, :n], ends[2, :n], ends[3, :n]
    # Each alone in its loop, which then takes many at a time.
    for p in range(n):
        below[p] = normal_cdf(-high[p] if low[p] > 0 else low[p])
    for p in range(n):
        above[p] = normal_cdf(-low[p] if low[p] > 0 else high[p])


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
    ends = space_for_ends(starts)
    for row in range(len(starts) - 1):
        edge, of_user = edges[row if len(edges) > 1 else 0], slice(starts[row], starts[row + 1])
        find_ends(edge, levels[of_user], scores[of_user], roots[row], ends)
        out[row] = log_likelihood(ends, starts[row + 1] - starts[row])


@compiled
def log_likelihood(ends: Array, n: int) -> float:
    """The same of one user with n ratings, by what ``find_ends`` finds."""
    total, product = 0.0, 1.0
    for p in range(n):
        product *= max(ends[3, p] - ends[2, p], MIN_PROBABILITY)
        # One logarithm serves many ratings.
        if product < 1e-200:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)
