"""Learning a Gaussian process over the items from ratings of which most are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import solve
from scipy.linalg.lapack import spotrf

from fivestar.models.gaussian.prior import RowsOfItems

if TYPE_CHECKING:
    from fivestar.models.gaussian.nonparametric_pca import NonparametricPCA

Array = NDArray[np.floating]

MEAN_VARIANCE = 0.4
"""Of the items' means about what is expected, in variances of the bias model's residuals."""
SLACK = 0.1
"""Of the noise, which keeps K_OO + s^2 I positive definite: how far K may fall short of it."""


class ExpectationMaximization:
    r"""Steps of a generalised EM algorithm on K, m and W of ``NonparametricPCA``.

    Expectation: a = G_u e_u of each of the n users who rated; the rest follows from A, which
    has these in its rows at the rated columns, and from the sum of the G_u, each at its own
    rows and columns. Maximisation, each by the posterior of the same expectation:

        K <- (n K + t K (A'A - sum_u G_u) K + v K_0) / (n + v)
        m <- m + (sum_u G_u + I / c)^-1 (A'1 - (m - m_0) / c)
        W <- (W Z'Z + K A'Z) (Z'Z + D)^-1

    For t = 1 the first is equation 7 of Yu et al. with an inverse Wishart prior about K_0, and
    for 1 < t < 2 the step is lengthened. The second is the generalised least squares solution
    with a normal prior of variance c about m_0; the third has a matrix normal prior with
    covariances K and D^-1, D the penalties.
    """

    def __init__(
        self,
        model: NonparametricPCA,
        ratings: sparse.csr_array,
        rows: RowsOfItems,
        expected: Array,
        penalties: Array,
        variance: float,
    ) -> None:
        self.model, self.ratings = model, ratings
        self.own_items, self.expected = rows.own_items, expected
        self.mean_precision = np.float32(1 / (MEAN_VARIANCE * variance))
        self.prior = model.covariance.copy()
        self.n_users = np.count_nonzero(np.diff(ratings.indptr))
        directions = model.user_directions.astype(np.float64)
        self.gram = directions.T @ directions
        self.inverse = np.linalg.inv(self.gram + np.diag(penalties))
        self.total = np.zeros_like(model.covariance)
        self.fresh = False

    def refresh(self) -> None:
        """Expectation."""
        self.total[:] = 0
        self.model.condition(self.ratings, self.total)
        self.fresh = True

    def step(self) -> None:
        """Maximisation, after an expectation where the last one is of other weights."""
        if not self.fresh:
            self.refresh()
        self.fresh = False
        model = self.model
        posterior = model.rated.matrix(model.user_coefficients, len(self.total))
        scatter = (posterior.T @ posterior).toarray() - self.total
        change = model.covariance @ scatter @ model.covariance
        by_direction = model.covariance @ (posterior.T @ model.user_directions)
        model.slopes[:] = (model.slopes @ self.gram + by_direction) @ self.inverse
        self._move_means(np.asarray(posterior.sum(0), dtype=np.float32))
        model.covariance[:] = self._moved(change)

    def _move_means(self, sums: Array) -> None:
        """Of the items that have a row of their own."""
        items, n_own = self.own_items, len(self.own_items)
        system = self.total[:n_own, :n_own].copy()
        system[np.diag_indices(n_own)] += self.mean_precision
        above = (self.model.item_bias - self.expected)[items]
        linear = sums[:n_own] - self.mean_precision * above
        self.model.item_bias[items] += solve(system, linear, assume_a="pos")

    def _moved(self, change: Array) -> Array:
        """K after the longer step where that leaves it positive, else the plain one."""
        model, strength = self.model, self.model.prior_strength
        moved: Array = model.covariance
        kept = self.n_users * model.covariance + strength * self.prior
        for size in (model.step_size, min(model.step_size, 1)):
            moved = (kept + size * change) / (self.n_users + strength)
            moved = ((moved + moved.T) / 2).astype(np.float32, copy=False)
            shifted = moved.copy()
            shifted[np.diag_indices(len(moved))] += SLACK * model.noise_variance[0]
            if spotrf(shifted, overwrite_a=1)[1] == 0:
                break
        return moved
