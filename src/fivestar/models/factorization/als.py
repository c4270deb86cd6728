"""Matrix factorisation by alternating least squares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Self

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.factors import Factors
from fivestar.models.solver import RowSolver, UserRegression, penalties, with_ones
from fivestar.models.training import EarlyStopping, History, Steps, Training
from fivestar.ratings import Counts, row_sums, with_values


@dataclass(kw_only=True)
class ALS(Steps, Model):
    r"""Biased factorisation r_ui ~ mu + b_u + b_i + x_u . y_i, solved one side at a time.

    Minimises, over the observed ratings and with n_u and n_i their number per user and item
    (sample weights weight the squares, and n_u and n_i are their sums),

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
        l and l_b: L2 of the factors, in units, and of the biases, a number of ratings. Below
        a millionth of the Gram matrix's trace that stands in, so 0 can be solved too.
    count_exponent
        a: 0 is plain L2, 1 weights it by the number of ratings.
    init_scale
        Standard deviation of the items' factors before the first sweep, sqrt(units). From
        small noise the strongest directions grow first, so stopping early also regularises;
        far below the default the first sweeps move the biases alone.
    n_steps
        Sweeps (users, then items) at the most.

    Attributes
    ----------
    user_factors, item_factors : (n_users, n_factors) and (n_items, n_factors) sqrt(units)
    user_bias, item_bias : (n_users,) and (n_items,) units; zeros where train has no rating
    usual_count : (1,) median number of ratings of a user
    """

    family: ClassVar[str] = "als"
    version: ClassVar[int] = 2
    uses_weights: ClassVar[bool] = True

    n_factors: Annotated[int, Ge(1)] = 60
    regularization: Annotated[float, Ge(0)] = 1.9
    bias_regularization: Annotated[float, Ge(0)] = 0.8
    count_exponent: Annotated[float, Ge(0), Le(1)] = 0.4
    init_scale: Annotated[float, Gt(0)] = 0.003
    n_steps: Annotated[int, Ge(0)] = 20
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=3))

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    usual_count: NDArray[np.floating] = learned(parameter=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._first_items: tuple[FloatArray, FloatArray] | None = None

    def start_from(self, fitted: ALS) -> Self:
        """Let the next fit go on where another one on the same items and scale has ended.

        Sweeps begin with the users, so it is the items that are taken over, and the users may
        be others. Its figures differ from those of a fit from noise.

        Raises
        ------
        ValueError
            If it predicts by biases only, or its factors have another length.
        """
        if fitted.biases_only or fitted.n_factors != self.n_factors:
            raise ValueError("no factors of the same length to start from")
        self._first_items = fitted.item_factors.copy(), fitted.item_bias.copy()
        return self

    def _fit(self, training: Training) -> History:
        by_user = training.ratings
        by_item = by_user.T.tocsr()
        weights = None
        if training.weights is not None:
            weights = with_values(by_user, training.weights)
        counts = row_sums(by_user, weights)
        self.usual_count = np.array([np.median(counts[counts > 0])])
        self._start(by_item)
        users, items = (self.user_factors, self.user_bias), (self.item_factors, self.item_bias)
        of_users, of_items = (None, None) if weights is None else (weights, weights.T.tocsr())
        sides = [
            (RowSolver(side), side.data, each, row_sums(side, each), own, other)
            for side, each, own, other in (
                (by_user, of_users, users, items),
                (by_item, of_items, items, users),
            )
        ]

        def sweep() -> None:
            for solver, targets, each, counts, own, (factors, bias) in sides:
                found = solver.solve(
                    targets,
                    factors,
                    ones=True,
                    offsets=self.mean[0] + bias,
                    weights=None if each is None else each.data,
                    penalty=self._penalty_of(np.ones(1)),
                    strengths=counts**self.count_exponent,
                )
                own[0][:], own[1][:] = found[:, :-1], found[:, -1]

        return training.run(sweep, [*users, *items], self)

    def _start(self, by_item: sparse.csr_array) -> None:
        """Given or small random items; users are solved first and start at zero."""
        n_items, n_users = by_item.shape
        random = np.random.default_rng(self.seed)
        noise = random.standard_normal((n_items, self.n_factors), dtype=np.float32)
        rated = np.diff(by_item.indptr) > 0
        self.item_factors = noise * np.float32(self.init_scale) * rated[:, None]
        self.user_factors = np.zeros((n_users, self.n_factors), dtype=np.float32)
        self.user_bias, self.item_bias = (np.zeros(n, np.float32) for n in (n_users, n_items))
        if self._first_items is not None:
            if len(self._first_items[0]) != n_items:
                raise ValueError("the factors to start from are those of other items")
            self.item_factors, self.item_bias = self._first_items
            self._first_items = None

    def _penalty_of(self, counts: Counts) -> FloatArray:
        strengths = counts**self.count_exponent
        return penalties(strengths, self.n_factors, self.regularization, self.bias_regularization)

    def _factors(self) -> Factors:
        biases = self.mean[0], self.user_bias, self.item_bias
        return Factors.biased(*biases, self.user_factors, self.item_factors)

    # -- new users

    def _regression(self, ratings: sparse.csr_array) -> UserRegression:
        # The penalty suits users with about as many ratings as those of train. Lowered for one
        # answer, as n^a would have it, predictions get worse than without the answer.
        penalty = self._penalty_of(np.maximum(np.diff(ratings.indptr), self.usual_count))
        base = self.mean[0] + self.item_bias
        return UserRegression(ratings, base, with_ones(self.item_factors), penalty)

    def _users_regression(self, ratings: sparse.csr_array) -> UserRegression | None:
        return self._regression(ratings)

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_factors, self.user_bias = self._regression(ratings).factors_and_bias()

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        return self._regression(user).contributions(item)
