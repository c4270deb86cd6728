"""Prior of the rows of one side: Normal-Wishart around what the rows' features explain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.compiled import compiled
from fivestar.models.threads import rows_in_threads

Array = NDArray[np.floating]

MIN_EIGENVALUE = 1e-6
"""Of a feature matrix's Gram matrix to count, relative to the largest."""
FIRST_BLOCK = 6
"""Leading directions with one strength in common; each next block is twice as long."""
MAX_DENSE = 2048
"""Largest Gram matrix that is decomposed whole; twice as long, it takes eight times as long."""
N_ITERATIONS, MORE_DIRECTIONS = 4, 20
"""Of a larger one, and how many directions are iterated beside those that are wanted."""
ROUNDING = 1e-14
"""Eigenvalues of this size, relative to the largest, are nothing but rounding of float32."""


class RowPrior:
    r"""Rows x_r ~ N(m + sum_g F_g,r B_g, L^-1) with everything but the features F_g unknown.

    Hyperpriors: (m, L) ~ N(m | 0, L^-1) Wishart(L | I / v, K), K the rows' length and v the
    scale (v = 1: Salakhutdinov and Mnih, "Bayesian Probabilistic Matrix Factorization using
    Markov Chain Monte Carlo", 2008), and for each group g of features B_g ~ N(0, I / l_g,
    L^-1), l_g ~ Gamma(1, rate 0.1) (Simm et al., "Macau: Scalable Bayesian Factorization with
    High-Dimensional Side Information Using MCMC", 2017). So the prior counts like one row of K
    squared values of v.
    """

    def __init__(self, size: int, scale: float, groups: Sequence[FeatureGroup]) -> None:
        self.scale = scale
        self.groups = groups
        self.mean: Array = np.zeros(size)
        self.precision: Array = 10 * np.eye(size)

    def sample(self, rows: Array, random: np.random.Generator) -> tuple[Array, Array]:
        """Draw m, B and L given the rows (n_rows, K); returns the rows' prior means and L."""
        groups = [group for group in self.groups if len(group.eigenvalues)]
        explained = sum((group.explained for group in groups), np.zeros_like(rows))
        self.mean, rest, root, inverse = _draw_mean(rows, explained, self.precision, random)
        scatter = self.scale * np.eye(len(root)) + np.outer(self.mean, self.mean)
        freedom = len(root) + len(rows) + 1
        for group in groups:
            scatter += group.sample(rest, root, inverse, random)
            freedom += len(group.eigenvalues)
        self.precision = _draw_precision(rest, scatter, freedom, random)
        return rows - rest, self.precision


# Few long functions: chains side by side would wait for Python's lock between many short ones.
# And loops where numpy has a word for it: numba takes seconds to compile that.


@compiled
def _draw_mean(
    rows: Array, explained: Array, precision: Array, random: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """m, what it and F B leave of the rows, L's Cholesky factor and the inverse of that."""
    n_rows, size = rows.shape
    root = np.linalg.cholesky(precision)
    inverse = np.linalg.inv(root)
    noise = _turned_noise(1, inverse, random)
    mean, rest = np.zeros(size), np.empty((n_rows, size), np.float32)
    for row in range(n_rows):
        for a in range(size):
            mean[a] += rows[row, a] - explained[row, a]
    for a in range(size):
        mean[a] = mean[a] / (n_rows + 1) + noise[0, a] / np.sqrt(n_rows + 1)
    for row in range(n_rows):
        for a in range(size):
            rest[row, a] = rows[row, a] - np.float32(mean[a]) - explained[row, a]
    return mean, rest, root, inverse


@compiled
def _turned_noise(n: int, inverse: Array, random: np.random.Generator) -> Array:
    """Rows of N(0, L^-1), (n, K), given the inverse of L's Cholesky factor."""
    size = len(inverse)
    noise, turned = np.empty((n, size)), np.zeros((n, size))
    for j in range(n):
        for a in range(size):
            noise[j, a] = random.standard_normal()
        for c in range(size):
            for a in range(c + 1):  # the inverse of a lower triangle is one
                turned[j, a] += noise[j, c] * inverse[c, a]
    return turned


@compiled
def _draw_precision(
    rest: Array, scatter: Array, freedom: int, random: np.random.Generator
) -> Array:
    """L given the scatter of everything but the rows' rest."""
    of_rest = np.dot(rest.T, rest)
    for a in range(len(scatter)):
        for c in range(len(scatter)):
            scatter[a, c] += of_rest[a, c]
    return wishart(scatter, freedom, random)


@compiled
def wishart(inverse_scale: Array, freedom: float, random: np.random.Generator) -> Array:
    """A draw of Wishart(W, v), mean v W, given W^-1 (Bartlett, 1933)."""
    size = len(inverse_scale)
    root = np.linalg.cholesky(np.linalg.inv(inverse_scale))
    triangle = np.empty((size, size))
    for a in range(size):
        for c in range(size):
            triangle[a, c] = random.standard_normal()
    for a in range(size):
        triangle[a, a] = np.sqrt(random.chisquare(freedom - a))
    factor, drawn = np.zeros((size, size)), np.empty((size, size))
    for a in range(size):
        for b in range(a + 1):
            for c in range(b + 1):
                factor[a, c] += root[a, b] * triangle[b, c]
    for a in range(size):
        for c in range(size):
            total = 0.0
            for b in range(size):
                total += factor[a, b] * factor[c, b]
            drawn[a, c] = total
    return drawn


class FeatureGroup:
    r"""Features F of the rows in the coordinates of their singular directions.

    With the thin singular value decomposition F = P S^1/2 Q' only F B = P a matters: a priori
    a_j ~ N(0, (s_j / l) L^-1), and with R the rows less all other terms

        a_j | R ~ N(h_j p_j' R, h_j L^-1),    h_j = s_j / (s_j + l).

    So a group costs two products with P, whatever its number of features; ``n_directions`` are
    kept. The leading ones tell far more than the rest, so they have a strength l of their own,
    and so has each block of the next ones: 6, 12, 24, ... directions.

    A row without features (an item without ratings, and implicit feedback) plays no part in the
    draw of B and gets the default coordinates; zero would be far off where all other rows have
    terms of one sign. The default is the mean over the rows that have features or,
    ``by_entries``, over all entries of F; ``expect`` sets another.

    Attributes
    ----------
    eigenvalues : (n_directions,) s, of F'F
    coordinates : (n_rows, n_directions) P, float32
    default : (n_directions,) coordinates of a row without features, float32
    projection : (n_features, n_directions) F'P / s, float32; see ``project``
    coefficients : (n_directions, K) a
    explained : (n_rows, K) F B, float32
    strengths : (n_directions,) l, precision of the coefficients B
    """

    def __init__(
        self, features: sparse.csr_array, size: int, n_directions: int, by_entries: bool
    ) -> None:
        self.eigenvalues, directions = decompose(features, n_directions)
        counts = np.diff(features.indptr)
        weights = counts if by_entries else counts > 0
        self.coordinates = np.ascontiguousarray(directions, dtype=np.float32)
        self.empty = np.flatnonzero(counts == 0)
        self.default = (weights @ directions / max(weights.sum(), 1)).astype(np.float32)
        projection = features.T @ (self.coordinates / self.eigenvalues)
        self.projection: Array = projection.astype(np.float32)
        self.coefficients: Array = np.zeros((len(self.eigenvalues), size))
        self.explained: Array = np.zeros((len(counts), size), dtype=np.float32)
        n_directions = len(self.eigenvalues)
        self.strengths: Array = np.full(n_directions, 3 * np.sqrt(features.shape[1]))
        positions = np.arange(n_directions)
        self.blocks = np.floor(np.log2(positions / FIRST_BLOCK + 1)).astype(int)

    def expect(self, features: Array) -> None:
        """Take rows without features, also further ones, for having these, (n_features,)."""
        self.default = (features @ self.projection).astype(np.float32)

    def sample(
        self, rest: Array, root: Array, inverse: Array, random: np.random.Generator
    ) -> Array:
        """Draw F B and l; returns the scatter B' diag(l) B that the draw of L needs.

        ``rest`` is what all groups leave unexplained, before and after; ``root`` is the Cholesky
        factor of L, of which there is the ``inverse``.
        """
        self.coefficients, self.explained, self.strengths, scatter = _draw_effects(
            rest,
            self.explained,
            self.coordinates,
            self.default,
            self.empty,
            self.eigenvalues,
            self.strengths,
            self.blocks,
            root,
            inverse,
            random,
        )
        return scatter


@compiled
def _draw_effects(
    rest: Array,
    explained: Array,
    coordinates: Array,
    default: Array,
    empty: NDArray[np.intp],
    eigenvalues: Array,
    strengths: Array,
    blocks: NDArray[np.intp],
    root: Array,
    inverse: Array,
    random: np.random.Generator,
) -> tuple[Array, Array, Array, Array]:
    """Coefficients a, F B, strengths l and the scatter; see ``FeatureGroup.sample``."""
    (n, n_rows), size = coordinates.T.shape, len(root)
    for row in range(n_rows):
        for a in range(size):
            rest[row, a] += explained[row, a]
    fitted = np.dot(coordinates.T, rest)
    noise = _turned_noise(n, inverse, random)
    coefficients, scaled = np.empty((n, size)), np.empty((n, size))
    short = np.empty((n, size), np.float32)
    for j in range(n):
        shrink = eigenvalues[j] / (eigenvalues[j] + strengths[j])
        for a in range(size):
            coefficients[j, a] = shrink * fitted[j, a] + np.sqrt(shrink) * noise[j, a]
            scaled[j, a] = coefficients[j, a] / np.sqrt(eigenvalues[j])
            short[j, a] = coefficients[j, a]
    found = np.dot(coordinates, short)
    for row in empty:
        for a in range(size):
            total = np.float32(0)
            for j in range(n):
                total += default[j] * short[j, a]
            found[row, a] = total
    for row in range(n_rows):
        for a in range(size):
            rest[row, a] -= found[row, a]
    drawn = _draw_strengths(blocks, scaled, root, random)
    scatter = np.zeros((size, size))
    for j in range(n):
        for a in range(size):
            for c in range(size):
                scatter[a, c] += drawn[j] * scaled[j, a] * scaled[j, c]
    return coefficients, found, drawn, scatter


@compiled
def _draw_strengths(
    blocks: NDArray[np.intp], scaled: Array, root: Array, random: np.random.Generator
) -> Array:
    """Of each direction the l of its block, (n_directions,), given B and L's Cholesky factor."""
    n, size = scaled.shape
    squares, numbers = np.zeros(blocks[-1] + 1), np.zeros(blocks[-1] + 1)
    for j in range(n):
        for c in range(size):
            total = 0.0
            for a in range(c, size):
                total += scaled[j, a] * root[a, c]
            squares[blocks[j]] += total * total
            numbers[blocks[j]] += 1
    of_block, strengths = np.empty(len(squares)), np.empty(n)
    for block in range(len(squares)):
        gamma = random.standard_gamma(1 + numbers[block] / 2)
        of_block[block] = gamma / (0.1 + squares[block] / 2)
    for j in range(n):
        strengths[j] = of_block[blocks[j]]
    return strengths


def project(features: sparse.csr_array, projection: Array, default: Array) -> Array:
    """Coordinates of further rows' features, (n, n_directions); see ``FeatureGroup``."""
    coordinates: Array = features @ projection
    coordinates[np.diff(features.indptr) == 0] = default
    return coordinates


def decompose(features: sparse.csr_array, n_directions: int) -> tuple[Array, Array]:
    """Leading eigenvalues s of F'F and left singular vectors P, (n_rows, len(s)), of F.

    At most ``n_directions`` that are not zero. By the whole Gram matrix of the shorter side
    where that is at most ``MAX_DENSE`` long, else by iterations.
    """
    n_rows, n_columns = features.shape
    if features.count_nonzero() == 0:
        return np.zeros(0), np.zeros((n_rows, 0))
    eigenvalues: Array
    directions: Array
    if min(n_rows, n_columns) > MAX_DENSE:
        return _by_iterations(features, n_directions)
    exact = features.astype(np.float64)
    if n_columns < n_rows:
        eigenvalues, right = np.linalg.eigh((exact.T @ exact).toarray())
        directions = _left(exact, right, eigenvalues, MIN_EIGENVALUE)
    else:
        eigenvalues, directions = np.linalg.eigh((exact @ exact.T).toarray())
    return _leading(eigenvalues, directions, n_directions)


def _left(
    matrix: Array | sparse.csr_array, right: Array, eigenvalues: Array, least: float
) -> Array:
    """Left singular vectors from right ones; ``least`` is relative to the largest eigenvalue."""
    left: Array = matrix @ (right / np.sqrt(np.maximum(eigenvalues, least * eigenvalues[-1])))
    return left


def _leading(eigenvalues: Array, directions: Array, n_directions: int) -> tuple[Array, Array]:
    leading = np.argsort(-eigenvalues)[:n_directions]
    leading = leading[eigenvalues[leading] > MIN_EIGENVALUE * eigenvalues[leading[0]]]
    return eigenvalues[leading], directions[:, leading]


def _by_iterations(matrix: sparse.csr_array, n_directions: int) -> tuple[Array, Array]:
    """As ``decompose``, of a large matrix; the last of the directions are near the exact ones.

    Subspace iteration from random directions: Halko, Martinsson, Tropp, "Finding Structure with
    Randomness", 2011, algorithm 4.4.
    """
    wide = min(n_directions + MORE_DIRECTIONS, *matrix.shape)
    random = np.random.default_rng(0)
    transposed = matrix.T.tocsr()
    image = _product(matrix, random.standard_normal((matrix.shape[1], wide)))
    for _ in range(N_ITERATIONS):
        image = _product(matrix, _left_of(_product(transposed, image))[1])
    return _leading(*_left_of(image), n_directions)


def _left_of(tall: Array) -> tuple[Array, Array]:
    """Eigenvalues of X'X and left singular vectors of X; faster than by QR."""
    exact = tall.astype(np.float64)
    eigenvalues, right = np.linalg.eigh(exact.T @ exact)
    return eigenvalues, _left(exact, right, eigenvalues, ROUNDING)


def _product(matrix: sparse.csr_array, dense: Array) -> Array:
    """In threads, float32."""
    starts, given = matrix.indptr.astype(np.int64), np.ascontiguousarray(dense, np.float32)
    out = np.empty((matrix.shape[0], given.shape[1]), dtype=np.float32)
    values = matrix.data.astype(np.float32, copy=False)

    def multiply(first: int, end: int) -> None:
        _multiply(starts[first : end + 1], matrix.indices, values, given, out[first:end])

    rows_in_threads(multiply, starts, float(matrix.nnz) * given.shape[1])
    return out


@compiled
def _multiply(
    starts: NDArray[np.integer],
    columns: NDArray[np.integer],
    values: Array,
    dense: Array,
    out: Array,
) -> None:
    for row in range(len(out)):
        total = out[row]
        total[:] = 0
        for p in range(starts[row], starts[row + 1]):
            value, other = values[p], dense[columns[p]]
            for a in range(len(total)):
                total[a] += value * other[a]


def popularity(counts: NDArray[np.integer], *, count_of_unrated: float) -> sparse.csr_array:
    """Log2 of the number of ratings of each row, (n_rows, 1), in standard deviations."""
    log = np.log2(np.where(counts > 0, counts, count_of_unrated))
    rated = log[counts > 0]
    values = (log - rated.mean()) / (rated.std() or np.inf)
    rows = np.arange(len(counts) + 1)
    return sparse.csr_array((values, np.zeros_like(rows[:-1]), rows), shape=(len(counts), 1))


def implicit_feedback(ratings: sparse.csr_array) -> sparse.csr_array:
    """Row r: n_r^-1/4 at each column that it rated, n_r of them, however it rated it."""
    counts = np.diff(ratings.indptr)
    values = np.repeat((np.maximum(counts, 1) ** -0.25).astype(np.float32), counts)
    return sparse.csr_array((values, ratings.indices, ratings.indptr), shape=ratings.shape)
