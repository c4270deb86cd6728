"""Singular value decomposition of the rating matrix with its gaps filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, svds

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import Biases
from fivestar.models.factors import Factors
from fivestar.models.solver import UserRegression
from fivestar.models.training import EarlyStopping, History, Steps, Training
from fivestar.ratings import observed, with_values


@dataclass(kw_only=True)
class SVD(Steps, Model):
    r"""Truncated SVD of the filled-in matrix: r_ui ~ base_u + base_i + a_u . f_i.

    The matrix X - base, (n_users, n_items), has the ratings where there are ratings and
    elsewhere what ``fill`` says. Of its singular value decomposition U S V' the k largest
    values are kept and lowered by t, which gives A = U sqrt((S - t)+) and F = V sqrt((S - t)+).
    That is the first step, Sarwar's method. Each further step fills the gaps with the
    prediction of the step before and decomposes again; with t > 0 this converges to

        min 1/2 sum_ui (r_ui - base_u - base_i - a_u . f_i)^2 + t/2 (|A|^2 + |F|^2).

    The filled matrix is never formed: it is a sparse matrix plus a product of factors, and
    the decomposition (Lanczos) asks only for its products with vectors.

    Sarwar, Karypis, Konstan, Riedl, "Application of Dimensionality Reduction in Recommender
    System", WebKDD 2000; with further steps Mazumder, Hastie, Tibshirani, "Spectral
    Regularization Algorithms for Learning Large Incomplete Matrices", JMLR 2010.

    Parameters
    ----------
    n_factors
        k, singular values kept at the most.
    fill
        The base, and where nobody rated. ``bias``: the base is the bias model, and the gaps
        hold just that. ``item_mean``: the base is the user's mean, the gaps hold the item's
        mean (Sarwar's choice).
    shrinkage
        t: taken from each singular value, units.
    n_steps
        1 decomposes once; more fill the gaps anew.

    Attributes
    ----------
    user_bias, item_bias : (n_users,) and (n_items,) units, the base without the global mean
    user_factors, item_factors : A (n_users, n_factors) and F (n_items, n_factors)
    """

    family: ClassVar[str] = "svd"

    n_factors: Annotated[int, Ge(1)] = 12
    fill: Literal["bias", "item_mean"] = "bias"
    shrinkage: Annotated[float, Ge(0)] = 14.0
    n_steps: Annotated[int, Ge(0)] = 100
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=3))

    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()

    def _fit(self, training: Training) -> History:
        train = training.ratings
        left, right = self._start(train)
        users, items, residuals = observed(self._biases.residuals(train))
        self.user_factors, self.item_factors = (
            np.zeros((n, self.n_factors), dtype=np.float32) for n in train.shape
        )

        def step() -> None:
            nonlocal left, right
            rest = residuals - np.einsum("pk,pk->p", left[users], right[items])
            u, s, v = _largest(with_values(train, rest), left, right, self.n_factors, self.seed)
            roots = np.sqrt(np.maximum(s - self.shrinkage, 0))
            left, right = u * roots, v * roots
            self.user_factors[:, : len(s)], self.item_factors[:, : len(s)] = left, right

        return training.run(step, [self.user_factors, self.item_factors], self)

    def _start(self, train: sparse.csr_array) -> tuple[FloatArray, FloatArray]:
        """Set the base; return two matrices whose product is what the gaps hold above it."""
        n_users, n_items = train.shape
        if self.fill == "bias":
            biases = Biases.of(train, self.mean[0])
            self.user_bias, self.item_bias = biases.users, biases.items
            return np.zeros((n_users, 1)), np.zeros((n_items, 1))
        self.user_bias = self._above_mean(self.user_means)
        self.item_bias = np.zeros(n_items, dtype=np.float32)
        return self._item_means_above_base()

    def _item_means_above_base(self) -> tuple[FloatArray, FloatArray]:
        items = self._above_mean(self.item_means)
        left = np.column_stack([np.ones(len(self.user_bias)), -self.user_bias])
        return left, np.column_stack([items, np.ones(len(items))])

    def _above_mean(self, means: FloatArray) -> FloatArray:
        """Units; 0 where there is no rating."""
        above: FloatArray = np.nan_to_num(means - self.global_mean) / np.float32(self.unit)
        return above

    @property
    def _biases(self) -> Biases:
        """The base, where ``fill`` is the items' means with the users' means as they are."""
        strengths = () if self.fill == "bias" else (0.0,)
        return Biases(self.mean[0], self.user_bias, self.item_bias, *strengths)

    def _factors(self) -> Factors:
        biases = self.mean[0], self.user_bias, self.item_bias
        return Factors.biased(*biases, self.user_factors, self.item_factors)

    # -- new users

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        biases = self._biases.fold_in(ratings)
        self.user_bias, residuals = biases.users, biases.residuals(ratings)
        if self.n_steps == 1:
            self.user_factors = self._projected(residuals)
        else:
            self.user_factors = self._regression(residuals).solve()

    def _regression(self, residuals: sparse.csr_array) -> UserRegression:
        """Given F, what the steps converge to is a ridge regression with penalty t."""
        penalty = np.full((residuals.shape[0], self.n_factors), self.shrinkage)
        return UserRegression(residuals, np.zeros(self.n_items), self.item_factors, penalty)

    def _projected(self, residuals: sparse.csr_array) -> FloatArray:
        """Rows of A of users, where the gaps are filled just once.

        With Z the filled rows, Z V = U S, and so Z F = A S with S = F'F + t. (Without
        shrinkage this is the folding-in of Sarwar, Karypis, Konstan, Riedl, "Incremental
        Singular Value Decomposition Algorithms for Highly Scalable Recommender Systems",
        2002.)
        """
        right = self.item_factors.astype(np.float64)
        products = residuals @ right
        if self.fill == "item_mean":
            of_users, of_items = self._item_means_above_base()
            users, items, _ = observed(residuals)
            filled = np.einsum("pk,pk->p", of_users[users], of_items[items])
            products += of_users @ (of_items.T @ right) - with_values(residuals, filled) @ right
        values = right.T @ right + self.shrinkage * np.eye(self.n_factors)
        factors: FloatArray = products @ np.linalg.pinv(values, hermitian=True)
        return factors.astype(np.float32)

    @property
    def _predicts_cold_start(self) -> bool:
        return self.fill == "bias" or self.n_steps == 1

    @property
    def _explains(self) -> bool:
        return self.fill == "bias" and self.n_steps > 1

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        return self._biases.contributions(user, item, self._regression(user).influence(item))


def _largest(
    part: sparse.csr_array, left: FloatArray, right: FloatArray, k: int, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The k largest singular values of part + left right', largest first, with both sides.

    Returns
    -------
    u (n_users, k), s (k,), v (n_items, k); fewer if the matrix has fewer rows or columns.
    """
    n_users, n_items = part.shape
    transposed = part.T.tocsr()
    if min(part.shape) <= k:  # no more entries than factors
        u, s, vt = np.linalg.svd(part.toarray() + left @ right.T, full_matrices=False)
        return u, s, vt.T
    operator = LinearOperator(
        part.shape,
        matvec=lambda x: part @ x + left @ (right.T @ x),
        rmatvec=lambda y: transposed @ y + right @ (left.T @ y),
        dtype=np.float64,
    )
    random = np.random.default_rng(seed)
    if not operator.matvec(random.standard_normal(n_items)).any():  # Lanczos refuses zeros
        return np.zeros((n_users, k)), np.zeros(k), np.zeros((n_items, k))
    u, s, vt = svds(operator, k, v0=random.standard_normal(min(part.shape)))
    order = np.argsort(-s)
    return u[:, order], s[order], vt[order].T
