"""Priors of one side's rows: a Normal-Wishart around what side features explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

Array = NDArray[np.floating]

SMALLEST = 1e-6
"""Least eigenvalue of a feature matrix's Gram that counts, as a share of the largest."""
DENSE = 4096
"""Largest Gram that is decomposed whole."""


class RowPrior:
    r"""Rows x_r ~ N(m + sum_g F_g,r B_g, L^-1) with everything but the features F_g unknown.

    Hyperpriors: (m, L) ~ N(m | 0, L^-1) Wishart(L | I / v, K), K the rows' length and v the
    scale (v = 1: Salakhutdinov and Mnih, "Bayesian Probabilistic Matrix Factorization using
    Markov Chain Monte Carlo", 2008), and for each group g of features B_g ~ N(0, I / l_g,
    L^-1), l_g ~ Gamma(1, rate 0.1) (Simm et al., "Macau: Scalable Bayesian Factorization with
    High-Dimensional Side Information Using MCMC", 2017).

    With the thin singular value decomposition F = P S^1/2 Q' only w = F B = P a matters: a
    priori a_j ~ N(0, (s_j / l) L^-1), and with R the rows less all other terms

        a_j | R ~ N(h_j p_j' R, h_j L^-1),    h_j = s_j / (s_j + l).

    So a group costs two products with P, whatever its number of features. A row of which a
    group says nothing (F_g,r is zero: an item without any rating, and who rated what) gets the
    group's mean term; zero would be far off where all known rows have terms of one sign. Such
    a row plays no part in the draw of B_g.

    Parameters
    ----------
    n_rows, size
        Number of rows and their length K.
    groups
        Feature matrices, n_rows x any number; those without an entry are left out.
    scale
        v: the prior counts like one row of K squared values of v.
    n_directions
        Leading singular directions kept of each group.
    usual_by_entries
        Whether the mean term is that of all entries, or of all rows that have any. An item
        that is rated at all is likely one of those that many rate; a person is one of many.
    random
        Source of all draws.

    Attributes
    ----------
    mean : (K,) m
    means : (n_rows, K) float32, m + sum_g F_g B_g
    precision : (K, K) L
    """

    def __init__(
        self,
        n_rows: int,
        size: int,
        groups: Sequence[sparse.csr_array],
        scale: float,
        n_directions: int,
        usual_by_entries: bool,
        random: np.random.Generator,
    ) -> None:
        self.random = random
        self.scale = scale
        self.precision: Array = 10 * np.eye(size)
        self.mean: Array = np.zeros(size)
        self.means = np.zeros((n_rows, size), dtype=np.float32)
        self.groups = [
            _Group.of(group, size, n_directions, usual_by_entries) for group in groups if group.nnz
        ]

    def sample(self, rows: Array) -> None:
        """Draw m, B and L given the rows (n_rows, K)."""
        n_rows, size = rows.shape
        root = np.linalg.cholesky(self.precision)
        inverse = np.linalg.inv(root)
        explained = sum((group.explained for group in self.groups), np.zeros_like(rows))
        mean = (rows - explained).sum(0, dtype=np.float64) / (n_rows + 1)
        mean += self.random.standard_normal(size) @ inverse / np.sqrt(n_rows + 1)
        rest = rows - mean.astype(np.float32) - explained
        scatter = self.scale * np.eye(size) + np.outer(mean, mean)
        freedom = size + n_rows + 1
        for group in self.groups:
            rest += group.explained
            scatter += group.sample(rest, root, inverse, self.random)
            rest -= group.explained
            freedom += len(group.sizes)
        scatter += rest.T @ rest
        self.precision = wishart(scatter, freedom, self.random)
        self.mean = mean
        self.means = rows - rest


def wishart(inverse_scale: Array, freedom: float, random: np.random.Generator) -> Array:
    """A draw of Wishart(W, v), mean v W, given W^-1 (Bartlett, 1933)."""
    size = len(inverse_scale)
    root = np.linalg.cholesky(np.linalg.inv(inverse_scale))
    triangle = np.tril(random.standard_normal((size, size)), -1)
    triangle[np.diag_indices(size)] = np.sqrt(random.chisquare(freedom - np.arange(size)))
    factor = root @ triangle
    drawn: Array = factor @ factor.T
    return drawn


@dataclass
class _Group:
    """Features in the coordinates of their singular directions.

    Attributes
    ----------
    sizes : (n_directions,) s, eigenvalues of F'F
    directions : (n_rows, n_directions) P, float32
    bare : positions of rows without an entry
    usual : (n_directions,) mean of P over all entries of F or its rows, float32
    coefficients : (n_directions, K) a
    explained : (n_rows, K) F B = P a, float32; its mean where a row is bare
    strength : l, precision of the coefficients B
    """

    sizes: Array
    directions: Array
    bare: NDArray[np.intp]
    usual: Array
    coefficients: Array
    explained: Array
    strength: float

    @classmethod
    def of(
        cls, features: sparse.csr_array, size: int, n_directions: int, usual_by_entries: bool
    ) -> _Group:
        sizes, directions = decompose(features, n_directions)
        counts = np.diff(features.indptr)
        weights = counts if usual_by_entries else counts > 0
        return cls(
            sizes,
            np.ascontiguousarray(directions, dtype=np.float32),
            np.flatnonzero(counts == 0),
            (weights @ directions / weights.sum()).astype(np.float32),
            np.zeros((len(sizes), size)),
            np.zeros((features.shape[0], size), dtype=np.float32),
            strength=3 * float(np.sqrt(features.shape[1])),
        )

    def links(self, features: sparse.csr_array) -> Array:
        """F'P / s, (n_features, n_directions), float32: times further rows' features, their P."""
        links: Array = features.T @ (self.directions / self.sizes)
        return links.astype(np.float32)

    def sample(
        self, rest: Array, root: Array, inverse: Array, random: np.random.Generator
    ) -> Array:
        """Draw F B and l; returns the scatter l B'B that the draw of L needs.

        ``rest`` is what the group has to explain; ``root`` is the Cholesky factor of L.
        """
        n, size = len(self.sizes), len(root)
        shrink = (self.sizes / (self.sizes + self.strength))[:, None]
        drawn = shrink * (self.directions.T @ rest)
        drawn += np.sqrt(shrink) * (random.standard_normal((n, size)) @ inverse)
        self.coefficients = drawn
        coefficients = drawn.astype(np.float32)
        self.explained = self.directions @ coefficients
        self.explained[self.bare] = self.usual @ coefficients
        scaled = drawn / np.sqrt(self.sizes)[:, None]
        square = np.sum((scaled @ root) ** 2)
        self.strength = random.gamma(1 + n * size / 2) / (0.1 + square / 2)
        scatter: Array = self.strength * (scaled.T @ scaled)
        return scatter


def decompose(features: sparse.csr_array, n_directions: int) -> tuple[Array, Array]:
    """Leading eigenvalues s of F'F and left singular vectors P, (n_rows, len(s)), of F.

    At most ``n_directions`` that are not zero. By the whole Gram of the shorter side where
    that is at most ``DENSE`` long, else by iterations.
    """
    n_rows, n_columns = features.shape
    exact = features.astype(np.float64)
    sizes: Array
    directions: Array
    if min(n_rows, n_columns) > DENSE:
        directions, roots, _ = svds(exact, k=n_directions, rng=np.random.default_rng(0))
        sizes = roots**2
    elif n_columns < n_rows:
        sizes, right = np.linalg.eigh((exact.T @ exact).toarray())
        directions = exact @ (right / np.sqrt(np.maximum(sizes, SMALLEST * sizes[-1])))
    else:
        sizes, directions = np.linalg.eigh((exact @ exact.T).toarray())
    leading = np.argsort(-sizes)[:n_directions]
    leading = leading[sizes[leading] > SMALLEST * sizes[leading[0]]]
    return sizes[leading], directions[:, leading]


def who_rated_what(train: sparse.csr_array) -> sparse.csr_array:
    """Row r: n_r^-1/4 at each column that it rated, n_r of them, however it rated it."""
    counts = np.diff(train.indptr)
    values = np.repeat(np.maximum(counts, 1) ** -0.25, counts).astype(np.float32)
    return sparse.csr_array((values, train.indices, train.indptr), shape=train.shape)
