r"""How far new ratings differ from earlier ones, and how much of that is chance.

**Distances** between two distributions p and q lie between 0 and 1. The total variation distance,
sum_k |p_k - q_k| / 2, is the share of the ratings that would have to move. The Jensen-Shannon
distance is the square root of H((p + q) / 2) - (H(p) + H(q)) / 2, H being the entropy in bits
(Lin, "Divergence Measures Based on the Shannon Entropy", 1991; Endres, Schindelin, "A New Metric
for Probability Distributions", 2003).

Even a sample from q itself is at some distance from q: the fewer ratings and the more categories,
the larger. ``UserSamples`` draws such samples, so the distance can be compared with that of no
drift, however many ratings there are.

**Means** (of errors, or of whether something holds) in two sets of ratings are compared by random
half-samples of the users of both together, see ``significance``: a user counts as one, however
many ratings they give, and users that are in both sets make the comparison sharper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from fivestar.metrics.significance import half_means, interval
from fivestar.ratings import Indices

FloatArray = NDArray[np.float64]


def total_variation(p: ArrayLike, q: ArrayLike) -> float:
    """Total variation distance of two distributions, given by counts or shares."""
    return float(np.abs(_shares(p) - _shares(q)).sum() / 2)


def jensen_shannon(p: ArrayLike, q: ArrayLike) -> float:
    """Jensen-Shannon distance of two distributions, given by counts or shares."""
    of_p, of_q = _shares(p), _shares(q)
    divergence = _entropy((of_p + of_q) / 2) - (_entropy(of_p) + _entropy(of_q)) / 2
    return float(np.sqrt(max(divergence, 0)))  # rounding


def _shares(counts: ArrayLike) -> FloatArray:
    given = np.asarray(counts, dtype=np.float64)
    if not given.sum() > 0:
        raise ValueError("no ratings to compare")
    shares: FloatArray = given / given.sum()
    return shares


def _entropy(shares: FloatArray) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum())


class UserSamples:
    """Samples of ratings by as many users, with as many ratings each, as new ratings have.

    Each new user is stood in for by a random user who gave at least as many ratings (where nobody
    did, by the one with the most), and by so many random ones of their ratings.

    Parameters
    ----------
    ratings
        (n_users, n_items) CSR, the earlier ratings.
    n_new
        (n_new_users,) how many ratings each of the new ratings' users gave.
    seed
        Of all choices.
    """

    def __init__(self, ratings: sparse.csr_array, n_new: NDArray[np.integer], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        counts = np.diff(ratings.indptr)
        by_size = np.argsort(-counts, kind="stable")
        sizes = counts[by_size]
        at_least = np.searchsorted(-sizes, -n_new, side="right")
        self._n_candidates = np.maximum(at_least, 1)
        self._starts, self._sizes = ratings.indptr[by_size], sizes
        self._wanted = n_new
        shuffled = np.lexsort(
            (self._rng.random(ratings.nnz), np.repeat(np.arange(len(counts)), counts))
        )
        self._items, self._values = ratings.indices[shuffled], ratings.data[shuffled]

    def draw(self, n: int) -> Iterator[tuple[Indices, FloatArray]]:
        """Items and values of ``n`` samples."""
        for _ in range(n):
            users = self._rng.integers(self._n_candidates)
            sizes = self._sizes[users]
            taken = np.minimum(self._wanted, sizes)
            # So many in a row from anywhere on, in the shuffled order, begun again at its end.
            first = self._rng.integers(sizes)
            before = np.cumsum(taken) - taken
            steps = np.arange(taken.sum()) - np.repeat(before, taken)
            turned = (np.repeat(first, taken) + steps) % np.repeat(sizes, taken)
            rows = np.repeat(self._starts[users], taken) + turned
            yield self._items[rows], self._values[rows]


class Estimate(NamedTuple):
    """A mean in new ratings beside the same in earlier ones."""

    value: float
    """In the new ratings."""
    reference: float
    """In the earlier ones."""
    low: float
    """Lower end of the interval of value - reference; NaN where there is none (few users)."""
    high: float

    @property
    def drift(self) -> float:
        """The value minus the reference."""
        return self.value - self.reference

    @property
    def size(self) -> Self:
        """The same without the direction: ``low`` and ``high`` of the absolute difference."""
        ends = sorted((abs(self.low), abs(self.high)))
        low = 0.0 if self.low <= 0 <= self.high else ends[0]
        return self._replace(low=low if np.isfinite(self.low) else np.nan, high=ends[1])


@dataclass(frozen=True)
class Clustered:
    """Values of ratings, and who gave them.

    Attributes
    ----------
    users : (n_ratings,) codes, of the same users in all sets that are compared
    values : (n_ratings, n_values)
    """

    users: Indices
    values: FloatArray

    def sums(self, n_users: int) -> tuple[FloatArray, FloatArray]:
        """Sums of each value, (n_users, n_values), and numbers of ratings, (n_users,)."""
        columns = [np.bincount(self.users, each, n_users) for each in self.values.T]
        return np.column_stack(columns), np.bincount(self.users, minlength=n_users).astype(float)


def _unchanged(means: FloatArray) -> FloatArray:
    return means


def compare_means(
    new: Clustered,
    earlier: Clustered,
    *,
    confidence: float,
    n_resamples: int,
    seed: int,
    of_means: Callable[[FloatArray], FloatArray] = _unchanged,
) -> list[Estimate]:
    """Each value's mean in new ratings beside that in earlier ones.

    Parameters
    ----------
    confidence
        Of the interval of the difference.
    of_means
        What is compared, of the mean: its root, for instance.
    """
    n_users = 1 + int(max(new.users.max(), earlier.users.max()))
    halves, means = [], []
    for part in (new, earlier):
        sums, counts = part.sums(n_users)
        halves.append(of_means(half_means(sums, counts, n_resamples, seed)))
        means.append(of_means(sums.sum(axis=0) / counts.sum()))
    between = halves[0] - halves[1]
    return [
        Estimate(float(value), float(reference), *interval(between[:, :, n], confidence))
        for n, (value, reference) in enumerate(zip(*means, strict=True))
    ]
