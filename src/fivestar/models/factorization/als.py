"""Matrix factorisation by alternating least squares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, learned
from fivestar.models.stepped import SteppedModel
from fivestar.models.training import EarlyStopping, History
from fivestar.ratings import Positions

BUDGET = 1 << 14
"""Padded ratings in a bucket of rows: bounds the memory of the gathered factors."""
LONGEST = 1 << 13
"""Ratings of a row that are summed at a time: float32 sums of more would lose digits."""
PADDING = 1.15
"""Longest over shortest row of a bucket, about."""
JITTER = 1e-6
"""Least ridge as a share of the Gram matrix's trace: below it float32 Cholesky may fail."""


@dataclass(kw_only=True)
class ALS(SteppedModel):
    r"""Biased factorisation r_ui ~ mu + b_u + b_i + x_u . y_i, solved one side at a time.

    Minimises, over the observed ratings and with n_u and n_i their number per user and item,

        sum_ui (r_ui - mu - b_u - b_i - x_u . y_i)^2
            + sum_u n_u^a (l |x_u|^2 + l_b b_u^2) + sum_i n_i^a (l |y_i|^2 + l_b b_i^2).

    With the items fixed, every user is a ridge regression in closed form: D_u stacks the rows
    (y_i, 1) of the user's items, e_u their r_ui - mu - b_i, and

        (x_u, b_u) = (D_u' D_u + n_u^a diag(l, ..., l, l_b))^-1 D_u' e_u;

    then likewise the items, so a sweep never raises the objective. (Koren, Bell, Volinsky,
    "Matrix Factorization Techniques for Recommender Systems", 2009. Exponent a = 1 is the
    weighted-lambda regularisation of Zhou et al., "Large-scale Parallel Collaborative
    Filtering for the Netflix Prize", 2008; a = 0 is plain L2.)

    Parameters
    ----------
    n_factors
        Length k of the factors.
    regularization, bias_regularization
        l and l_b: L2 of the factors, in stars, and of the biases, a number of ratings. Below
        a millionth of the Gram matrix's trace that stands in, so 0 can be solved too.
    count_exponent
        a: 0 is plain L2, 1 weights it by the number of ratings.
    init_scale
        Standard deviation of the items' factors before the first sweep, sqrt(stars). From
        small noise the strongest directions grow first, so stopping early also regularises;
        far below the default the first sweeps move the biases alone.
    n_steps
        Sweeps (users, then items) at the most.

    Attributes
    ----------
    user_factors, item_factors : (n_users, n_factors) and (n_items, n_factors) sqrt(stars)
    user_bias, item_bias : (n_users,) and (n_items,) stars; zeros where train has no rating
    """

    family: ClassVar[str] = "als"

    n_factors: Annotated[int, Ge(1)] = 60
    regularization: Annotated[float, Ge(0)] = 1.9
    bias_regularization: Annotated[float, Ge(0)] = 0.8
    count_exponent: Annotated[float, Ge(0), Le(1)] = 0.4
    init_scale: Annotated[float, Gt(0)] = 0.003
    n_steps: Annotated[int, Ge(1)] = 20
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=3))

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()

    def _fit(
        self, train: sparse.csr_array, validation: sparse.csr_array | None, label: str
    ) -> History:
        self._initialise(train)
        by_user, by_item = (_buckets(side, self.global_mean) for side in (train, train.T.tocsr()))
        users, items = (self.user_factors, self.user_bias), (self.item_factors, self.item_bias)

        def sweep() -> None:
            self._solve(by_user, *users, *items)
            self._solve(by_item, *items, *users)

        return self._train(sweep, [*users, *items], train, validation, label)

    def _initialise(self, train: sparse.csr_array) -> None:
        """Small random items; users are solved first and start at zero."""
        n_users, n_items = train.shape
        random = np.random.default_rng(self.seed)
        noise = random.standard_normal((n_items, self.n_factors), dtype=np.float32)
        rated = np.bincount(train.indices, minlength=n_items) > 0
        self.item_factors = noise * np.float32(self.init_scale) * rated[:, None]
        self.user_factors = np.zeros((n_users, self.n_factors), dtype=np.float32)
        self.user_bias = np.zeros(n_users, dtype=np.float32)
        self.item_bias = np.zeros(n_items, dtype=np.float32)

    def _solve(
        self,
        buckets: list[_Bucket],
        factors: FloatArray,
        bias: FloatArray,
        fixed_factors: FloatArray,
        fixed_bias: FloatArray,
    ) -> None:
        """Set ``factors`` and ``bias`` of one side in place, given those of the other."""
        ones = np.ones((len(fixed_bias), 1), dtype=np.float32)
        design = torch.from_numpy(np.pad(np.hstack([fixed_factors, ones]), ((0, 1), (0, 0))))
        offset = torch.from_numpy(np.pad(fixed_bias, (0, 1)))
        penalty = torch.full((self.n_factors + 1,), self.regularization)
        penalty[-1] = self.bias_regularization
        for bucket in buckets:
            gram, target = _normal_equations(bucket, design, offset)
            least = JITTER * gram.diagonal(dim1=1, dim2=2).sum(1, keepdim=True)
            ridge = bucket.counts[:, None] ** self.count_exponent * penalty
            gram.diagonal(dim1=1, dim2=2).add_(torch.maximum(ridge, least))
            solution = torch.cholesky_solve(target, torch.linalg.cholesky(gram)).squeeze(2)
            factors[bucket.rows] = solution[:, :-1].numpy()
            bias[bucket.rows] = solution[:, -1].numpy()

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        bias: FloatArray = self.global_mean + self.user_bias[users] + self.item_bias[items]
        bias += np.einsum("pk,pk->p", self.user_factors[users], self.item_factors[items])
        return bias


class _Bucket(NamedTuple):
    """Rows of about as many ratings, padded to the same length.

    Attributes
    ----------
    rows : (n,) positions
    counts : (n,) number of ratings
    columns : (n, length) int32; the number of columns marks padding
    ratings : (n, length) stars above the global mean; 0 at padding
    """

    rows: NDArray[np.intp]
    counts: torch.Tensor
    columns: torch.Tensor
    ratings: torch.Tensor


def _buckets(matrix: sparse.csr_array, mean: FloatArray) -> list[_Bucket]:
    """Sort the rows by their number of ratings and pad them in groups; empty rows are left out."""
    counts = np.diff(matrix.indptr)
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] > 0]
    lengths = counts[order]
    buckets, start = [], 0
    while start < len(order):
        longest = max(lengths[start] * PADDING, lengths[start] + 4)
        end = min(
            int(np.searchsorted(lengths, longest, side="right")),
            start + max(1, int(BUDGET // longest)),
        )
        buckets.append(_pad(matrix, mean, order[start:end]))
        start = end
    return buckets


def _pad(matrix: sparse.csr_array, mean: FloatArray, rows: NDArray[np.intp]) -> _Bucket:
    starts, counts = matrix.indptr[rows], matrix.indptr[rows + 1] - matrix.indptr[rows]
    within = np.arange(counts.max())
    real = within < counts[:, None]
    at = np.where(real, starts[:, None] + within, 0)
    columns = np.where(real, matrix.indices[at], matrix.shape[1]).astype(np.int32)
    ratings = np.where(real, matrix.data[at] - mean, 0).astype(np.float32)
    tensors = map(torch.from_numpy, (counts.astype(np.float32), columns, ratings))
    return _Bucket(rows, *tensors)


def _normal_equations(
    bucket: _Bucket, design: torch.Tensor, offset: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """D'D, (n, k + 1, k + 1), and D'e, (n, k + 1, 1), of each row of a bucket.

    ``design`` and ``offset`` end in a row of zeros for the padding.
    """
    n, size = len(bucket.rows), design.shape[1]
    gram, target = torch.zeros(n, size, size), torch.zeros(n, size, 1)
    for start in range(0, bucket.columns.shape[1], LONGEST):
        block = slice(start, start + LONGEST)
        columns = bucket.columns[:, block].reshape(-1)
        rows = design.index_select(0, columns).view(n, -1, size)
        rest = bucket.ratings[:, block] - offset.index_select(0, columns).view(n, -1)
        gram.baddbmm_(rows.mT, rows)
        target.baddbmm_(rows.mT, rest[:, :, None])
    return gram, target
