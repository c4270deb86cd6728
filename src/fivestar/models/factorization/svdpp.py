"""SVD++: matrix factorisation that also learns from which items a user rated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numba
import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.factors import Factors
from fivestar.models.solver import UserRegression, penalties, with_ones, worth_of_stopping
from fivestar.models.training import EarlyStopping, History, Steps, Training
from fivestar.ratings import observed, with_values


@dataclass(kw_only=True)
class SVDpp(Steps, Model):
    r"""SVD++: r_ui ~ mu + b_u + b_i + q_i . (p_u + |N_u|^(-1/2) sum_{j in N_u} y_j).

    N_u are the items that user u rated: a second set of item factors y says what having rated
    an item, however well, tells about a user. Minimises

        sum_ui [ e_ui^2 + l (|p_u|^2 + |q_i|^2) + l_b (b_u^2 + b_i^2) + l_y |y_i|^2 ]

    with e_ui = rating less prediction, by stochastic gradient descent at rates g (factors) and
    g_b (biases). A step goes once through the users in random order. With s_u the sum over the
    y_j as it was when the user's turn began, each of the user's ratings in turn moves

        b_u += g_b (e - l_b b_u)    p_u += g (e q_i - l p_u)
        b_i += g_b (e - l_b b_i)    q_i += g (e (p_u + |N_u|^(-1/2) s_u) - l q_i)

    and at the end of the turn, once for each j in N_u, with all errors of the turn,

        y_j += g (|N_u|^(-1/2) sum_i e_ui q_i - l_y y_j).

    The weights kept are an exponential moving average over the steps: it takes the place of a
    falling rate (Polyak and Juditsky 1992).

    Koren, "Factorization Meets the Neighborhood: a Multifaceted Collaborative Filtering
    Model", KDD 2008, equation 15. There y moves at every rating, |N_u| times the work.

    Parameters
    ----------
    n_factors
        Length k of the factors.
    learning_rate, bias_learning_rate
        g and g_b.
    regularization, implicit_regularization, bias_regularization
        l of p and q, l_y and l_b, each for every rating once.
    averaging
        Decay of the moving average at a step; 0 keeps the last weights.
    init_scale
        Standard deviation of p, q and y before the first step, sqrt(units).

    Attributes
    ----------
    user_factors, item_factors : p (n_users, n_factors) and q (n_items, n_factors)
    implicit_factors : y (n_items, n_factors)
    profiles : (n_users, n_factors) p_u + |N_u|^(-1/2) sum y_j of the items rated in train
    user_bias, item_bias : (n_users,) and (n_items,) units
    """

    family: ClassVar[str] = "svdpp"

    n_factors: Annotated[int, Ge(1)] = 100
    learning_rate: Annotated[float, Gt(0)] = 0.015
    bias_learning_rate: Annotated[float, Gt(0)] = 0.005
    regularization: Annotated[float, Ge(0)] = 0.06
    implicit_regularization: Annotated[float, Ge(0)] = 0.2
    bias_regularization: Annotated[float, Ge(0)] = 0.05
    averaging: Annotated[float, Ge(0), Lt(1)] = 0.85
    init_scale: Annotated[float, Gt(0)] = 0.01
    n_steps: Annotated[int, Ge(0)] = 40
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=3))

    user_factors: FloatArray = learned()
    item_factors: FloatArray = learned()
    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    implicit_factors: FloatArray = learned()
    profiles: FloatArray = learned(parameter=False)
    steps_taken: NDArray[np.int64] = learned(parameter=False)

    def _fit(self, training: Training) -> History:
        train, random = training.ratings, np.random.default_rng(self.seed)
        iterates = self._start(train, random)
        averages = [iterate.copy() for iterate in iterates]
        self.user_bias, self.item_bias, *factors = averages
        self.user_factors, self.item_factors, self.implicit_factors = factors
        ratings, rated = train.data - self.mean[0], _normalised(train)
        rates = (self.learning_rate, self.bias_learning_rate)
        strengths = (self.regularization, self.implicit_regularization, self.bias_regularization)
        settings = tuple(map(np.float32, (*rates, *strengths)))
        n_taken = 0

        def step() -> None:
            nonlocal n_taken
            order = random.permutation(train.shape[0])
            _learn(train.indptr, train.indices, ratings, order, tuple(iterates), settings)
            n_taken += 1
            weight = max(1 - self.averaging, 1 / n_taken)
            for average, iterate in zip(averages, iterates, strict=True):
                average[...] += np.float32(weight) * (iterate - average)

        def refresh() -> None:
            self.profiles = self.user_factors + rated @ self.implicit_factors

        history = training.run(step, averages, self, refresh=refresh)
        self.steps_taken = np.array([history.best_step])
        return history

    def _start(self, train: sparse.csr_array, random: np.random.Generator) -> list[FloatArray]:
        """Biases of zero, then p, q and y: small noise, zeros where train has no rating."""
        n_users, n_items = train.shape
        rating_users = np.diff(train.indptr) > 0
        rated_items = np.bincount(train.indices, minlength=n_items) > 0
        start: list[FloatArray] = [np.zeros(n, dtype=np.float32) for n in (n_users, n_items)]
        for rated in (rating_users, rated_items, rated_items):
            noise = random.standard_normal((len(rated), self.n_factors), dtype=np.float32)
            start.append(np.float32(self.init_scale) * noise * rated[:, None])
        return start

    def _factors(self) -> Factors:
        biases = self.mean[0], self.user_bias, self.item_bias
        return Factors.biased(*biases, self.profiles, self.item_factors)

    # -- new users

    def _regression(self, ratings: sparse.csr_array) -> UserRegression:
        """Of p and b on what the biases and the implicit part leave over.

        The penalty is that of each rating, and what it is worth that training stops early.
        """
        users, items, values = observed(ratings)
        implicit = _normalised(ratings) @ self.implicit_factors
        left = values - np.einsum("pk,pk->p", implicit[users], self.item_factors[items])
        strengths, n_steps = (self.regularization, self.bias_regularization), self.steps_taken[0]
        penalty = penalties(np.diff(ratings.indptr), self.n_factors, *strengths)
        penalty[:, :-1] += worth_of_stopping(self.learning_rate, n_steps)
        penalty[:, -1] += worth_of_stopping(self.bias_learning_rate, n_steps)
        base, design = self.mean[0] + self.item_bias, with_ones(self.item_factors)
        return UserRegression(with_values(ratings, left), base, design, penalty)

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_factors, self.user_bias = self._regression(ratings).factors_and_bias()
        self.profiles = self.user_factors + _normalised(ratings) @ self.implicit_factors

    @property
    def _predicts_cold_start(self) -> bool:
        """No: the biases of items stand beside an implicit part that all users of train have."""
        return False

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        """The ridge regression's parts, and what to have rated an item says, however well."""
        regression = self._regression(user)
        influence, q = regression.influence(item), self.item_factors.astype(np.float64)
        implicit = _normalised(user).data[:, None] * self.implicit_factors[user.indices]
        said = implicit @ (q[item] - influence @ q[user.indices])
        above = user.data - regression.base[user.indices]
        return float(regression.base[item]), influence * above + said


def _normalised(train: sparse.csr_array) -> sparse.csr_array:
    """|N_u|^(-1/2) wherever user u has rated."""
    counts = np.diff(train.indptr)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1), dtype=np.float32), counts)
    return sparse.csr_array((values, train.indices, train.indptr), shape=train.shape)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _learn(
    starts: NDArray[Any],
    items: NDArray[Any],
    ratings: FloatArray,
    order: NDArray[Any],
    weights: tuple[FloatArray, ...],
    settings: tuple[Any, ...],
) -> None:
    """One step of the class's docstring, in place; ``starts`` and ``items`` as in CSR."""
    b_user, b_item, p, q, y = weights
    rate, b_rate, reg, y_reg, b_reg = settings
    k = p.shape[1]
    implicit, gradient = np.empty(k, np.float32), np.empty(k, np.float32)
    for u in order:
        rated = range(starts[u], starts[u + 1])
        if len(rated) == 0:
            continue
        norm = np.float32(1 / np.sqrt(len(rated)))
        implicit[:], gradient[:] = 0, 0
        for at in rated:
            for f in range(k):
                implicit[f] += norm * y[items[at], f]
        for at in rated:
            i = items[at]
            error = ratings[at] - b_user[u] - b_item[i]
            for f in range(k):
                error -= (p[u, f] + implicit[f]) * q[i, f]
            b_user[u] += b_rate * (error - b_reg * b_user[u])
            b_item[i] += b_rate * (error - b_reg * b_item[i])
            for f in range(k):
                p_old, q_old = p[u, f], q[i, f]
                gradient[f] += norm * error * q_old
                p[u, f] += rate * (error * q_old - reg * p_old)
                q[i, f] += rate * (error * (p_old + implicit[f]) - reg * q_old)
        for at in rated:
            for f in range(k):
                y[items[at], f] += rate * (gradient[f] - y_reg * y[items[at], f])
