"""Nonparametric principal component analysis: a Gaussian process over the items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Self

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import eigsh

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import Biases
from fivestar.models.factors import Factors
from fivestar.models.gaussian.conditioning import (
    RatedRows,
    coefficients,
    posterior_means,
    posterior_variances,
    precision_of,
)
from fivestar.models.gaussian.distribution import NormalDistribution
from fivestar.models.gaussian.learning import ExpectationMaximization
from fivestar.models.gaussian.prior import (
    RowsOfItems,
    prior_covariance,
    prior_means,
    projection,
    rated_items,
)
from fivestar.models.levels import levels_of
from fivestar.models.training import EarlyStopping, History, Steps, Training
from fivestar.ratings import Features, Indices, observed

PAIRS = 1 << 12
"""Scored at a time: bounds the memory of the gathered slopes."""
N_COMPONENTS = 30
"""Principal components that ``factors`` gives."""


@dataclass(kw_only=True)
class NonparametricPCA(Steps, Model):
    r"""All ratings of a user as one Gaussian vector, of which those that there are are known.

    A user's opinions of all items are a draw of a Gaussian process that the users share:

        r_ui = m_i + w_i . z_u + f_ui + noise,    f_u ~ N(0, K),    noise ~ N(0, s^2),

    with a covariance K of the items of any rank, the user's bias in it, and z_u what is known
    of a user beside the values of the ratings: side features, and the leading directions of
    which items the user rated. Given the ratings of the items O, with e_u the ratings less
    m + W z_u and G_u = (K_OO + s^2 I)^-1, the prediction is exact, for new users as well:

        r_ui ~ m_i + w_i . z_u + K_iO G_u e_u.

    K, m and W are learned by expectation and maximisation over the missing ratings (see
    ``ExpectationMaximization``), from a prior of what items have in common by their features
    and by who rated them (see ``prior_covariance``). A step costs n_rows^3 multiplications and
    sum_u n_u^3, n_u the number of the user's ratings. Yu, Zhu, Lafferty and Gong, "Fast
    nonparametric matrix factorization for large-scale collaborative filtering", SIGIR 2009;
    the prior of K and the terms m and W z_u are additions.

    Parameters
    ----------
    n_steps, stopping
        Steps of expectation and maximisation. Many would fit K to chance.
    step_size
        How far to go along each step, from 0 to 2; above 1 it takes fewer.
    noise
        s^2 in variances of what the bias model leaves over.
    prior_strength
        Users that the prior of K counts for.
    implicit_regularization, feature_regularization
        Penalties of the slopes W on which items were rated, and on side features.
    n_directions
        Of which items users rated.
    max_items
        Rows of K. On larger catalogues the items rated least share one more row: of these
        only the means differ, and K takes no more than 4 max_items^2 bytes.

    variance_scale
        Factor of the variances of predictions, which changes none of the predictions. K is a
        point estimate, and what is an item's own counts twice, in K and in s^2. None takes the
        factor that is right on the validation split, or 1 without one.

    Attributes
    ----------
    item_bias : (n_items,) m in units
    item_rows : (n_items,) each item's row of K
    item_directions : (n_items, n_directions) for z_u
    item_weights : (n_items,) how much having rated it says of a user
    covariance : (n_rows, n_rows) K in units^2
    slopes : (n_rows, length of z) W in units
    noise_variance : (1,) s^2 in units^2
    user_directions : (n_users, length of z) z
    user_starts, user_rows, user_coefficients : CSR of G_u e_u, users x rows of K
    variance_factor : (1,) of the variances of predictions
    levels, level_fractions : (n_levels,) ratings in units, and how frequent each is in train
    """

    family: ClassVar[str] = "nonparametric_pca"

    n_steps: Annotated[int, Ge(0)] = 12
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=2))
    step_size: Annotated[float, Gt(0), Lt(2)] = 1.9
    noise: Annotated[float, Gt(0)] = 0.8
    prior_strength: Annotated[float, Gt(0)] = 100.0
    implicit_regularization: Annotated[float, Gt(0)] = 4.0
    feature_regularization: Annotated[float, Gt(0)] = 100.0
    n_directions: Annotated[int, Ge(1)] = 200
    max_items: Annotated[int, Ge(1)] = 3000
    variance_scale: Annotated[float, Gt(0)] | None = None

    item_bias: FloatArray = learned()
    item_rows: NDArray[np.int32] = learned(parameter=False)
    item_directions: FloatArray = learned(parameter=False)
    item_weights: FloatArray = learned(parameter=False)
    covariance: FloatArray = learned()
    slopes: FloatArray = learned()
    noise_variance: FloatArray = learned(parameter=False)
    user_directions: FloatArray = learned(parameter=False)
    user_starts: NDArray[np.int64] = learned(parameter=False)
    user_rows: NDArray[np.int32] = learned(parameter=False)
    user_coefficients: FloatArray = learned(parameter=False)
    variance_factor: FloatArray = learned(parameter=False)
    levels: FloatArray = learned(parameter=False)
    level_fractions: FloatArray = learned(parameter=False)

    # -- training

    def _fit(self, training: Training) -> History:
        ratings, features = training.ratings, training.features
        if features is None:
            features = Features(*(sparse.csr_array((n, 0)) for n in ratings.shape))
        self.known_users = self.known_users | (np.diff(features.users.indptr) > 0)
        self.known_items = self.known_items | (np.diff(features.items.indptr) > 0)
        self.levels, self.level_fractions = levels_of(ratings.data, self._ends)
        learner = self._start(ratings, features)
        weights = [self.covariance, self.slopes, self.item_bias]
        history = training.run(learner.step, weights, self, refresh=learner.refresh)
        self._scale_variances(training.validation)
        return history

    def _scale_variances(self, validation: sparse.csr_array | None) -> None:
        """By the mean square of the standardised errors of known pairs."""
        self.variance_factor = np.array([self.variance_scale or 1.0])
        if self.variance_scale is None and validation is not None:
            users, items, ratings = observed(validation)
            known = self._knows(users, items)
            users, items, ratings = users[known], items[known], ratings[known]
            squares = np.square(ratings - self._score(users, items), dtype=np.float64)
            if len(ratings):
                self.variance_factor[:] = np.mean(squares / self.variances(users, items))

    def for_refit(self, history: History) -> Self:
        again = super().for_refit(history)
        if history.validation_rmse and not self.biases_only:
            again.variance_scale = max(float(self.variance_factor[0]), 1e-6)
        return again

    def _start(self, ratings: sparse.csr_array, features: Features) -> ExpectationMaximization:
        """Set all to what is expected before any step."""
        residuals = Biases.of(ratings, self.mean[0]).residuals(ratings).data
        variance = max(float(np.square(residuals, dtype=np.float64).mean()), 1e-6)
        self.noise_variance = np.array([self.noise * variance], dtype=np.float32)
        rows = RowsOfItems.most_rated(ratings, self.max_items)
        self.item_rows = rows.row_of_item
        self.covariance = prior_covariance(
            rows.raters(ratings), rows.means(features.items), variance
        )
        expected, self.item_bias = prior_means(ratings, features.items)
        counts = np.bincount(ratings.indices, minlength=ratings.shape[1])
        self.item_weights = np.maximum(counts, 1).astype(np.float32) ** -0.5
        implicit = rated_items(ratings, self.item_weights)
        self.item_directions = projection(implicit, self.n_directions)
        self.user_directions = self._directions(ratings, features.users)
        length, n_implicit = self.user_directions.shape[1], self.item_directions.shape[1]
        self.slopes = np.zeros((len(self.covariance), length), dtype=np.float32)
        penalties = np.full(length, self.feature_regularization)
        penalties[:n_implicit] = self.implicit_regularization
        return ExpectationMaximization(self, ratings, rows, expected, penalties, variance)

    def _directions(
        self, ratings: sparse.csr_array, features: sparse.csr_array | None
    ) -> FloatArray:
        """z: which items were rated, and side features, zeros where there are none."""
        implicit = rated_items(ratings, self.item_weights) @ self.item_directions
        if features is None:
            n_features = self.slopes.shape[1] - implicit.shape[1]
            return np.pad(implicit, ((0, 0), (0, n_features)))
        return np.hstack([implicit, features.toarray()]).astype(np.float32)

    def condition(self, ratings: sparse.csr_array, total: FloatArray | None = None) -> None:
        """Set the users' G_u e_u given K, m and W; the G_u are added to ``total``, if given."""
        users, items, values = observed(ratings)
        rated = RatedRows.of(ratings, self.item_rows)
        residuals = (values - self._expected(users, items)).astype(np.float32, copy=False)
        self.user_starts, self.user_rows = rated.starts, rated.rows
        self.user_coefficients = coefficients(
            self.covariance, rated, residuals, float(self.noise_variance[0]), total
        )

    @property
    def rated(self) -> RatedRows:
        """Rows of K of each user's ratings."""
        return RatedRows(self.user_starts, self.user_rows)

    # -- prediction

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        of_users = self.user_starts, self.user_rows, self.user_coefficients
        means: FloatArray = posterior_means(
            users, self.item_rows[items], self.covariance, *of_users
        )
        return means + self._expected(users, items)

    def _expected(self, users: Indices, items: Indices) -> FloatArray:
        """m_i + w_i . z_u of pairs."""
        values: FloatArray = self.item_bias[items]
        for start in range(0, len(users), PAIRS):
            pairs = slice(start, start + PAIRS)
            slopes = self.slopes[self.item_rows[items[pairs]]]
            values[pairs] += np.einsum("pk,pk->p", self.user_directions[users[pairs]], slopes)
        return values

    def variances(self, users: Indices, items: Indices) -> FloatArray:
        """Of the ratings of known pairs, noise included, in units^2."""
        noise, rows = float(self.noise_variance[0]), self.item_rows[items]
        of_posterior = posterior_variances(users, rows, self.covariance, self.rated, noise)
        variances: FloatArray = self.variance_factor[0] * (noise + of_posterior)
        return variances

    @property
    def distribution(self) -> NormalDistribution | None:
        return None if self.biases_only else NormalDistribution(self)

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_directions = self._directions(ratings, features)
        self.condition(ratings)

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        """By value, through e_u, and by having been rated at all, through z_u."""
        base = float(self.item_bias[item])
        row, rated = self.item_rows[item], self.item_rows[user.indices]
        precision = precision_of(self.covariance, rated, float(self.noise_variance[0]))
        weights = precision @ self.covariance[rated, row]
        slopes = self.slopes[row] - weights @ self.slopes[rated]
        of_each = rated_items(user, self.item_weights).data[:, None]
        directions = of_each * self.item_directions[user.indices]
        by_value = weights * (user.data - self.item_bias[user.indices])
        return base, by_value + directions @ slopes[: directions.shape[1]]

    def _factors(self) -> Factors:
        """Principal components of K, each as long as its standard deviation."""
        n_rows = len(self.covariance)
        if n_rows > N_COMPONENTS:
            start = np.ones(n_rows, dtype=np.float32)
            values, vectors = eigsh(self.covariance, N_COMPONENTS, v0=start)
        else:
            values, vectors = np.linalg.eigh(self.covariance)
        components = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1]
        return Factors(items=components[self.item_rows], item_bias=self.item_bias)
