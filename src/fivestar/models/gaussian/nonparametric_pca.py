"""Nonparametric principal component analysis: a Gaussian process over the items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import solve
from scipy.linalg.lapack import spotrf

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import Biases
from fivestar.models.gaussian.conditioning import (
    RatedRows,
    coefficients,
    posterior_means,
    precision_of,
)
from fivestar.models.gaussian.prior import (
    prior_covariance,
    prior_means,
    projection,
    rated_items,
)
from fivestar.models.training import EarlyStopping, History, Steps, Training
from fivestar.ratings import Features, Indices, observed

PAIRS = 1 << 12
"""Scored at a time: bounds the gathered directions."""
MEAN_VARIANCE = 0.4
"""Of the items' means about what is expected of them, in variances of the residuals of the
bias model."""


@dataclass(kw_only=True)
class NonparametricPCA(Steps, Model):
    n_steps: Annotated[int, Ge(0)] = 12
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=2))
    step_size: Annotated[float, Gt(0), Lt(2)] = 1.9
    noise: Annotated[float, Gt(0)] = 0.8
    learn_noise: float = 0
    prior_strength: Annotated[float, Ge(0)] = 100.0
    mean_regularization: Annotated[float, Gt(0)] = 4.0
    feature_regularization: Annotated[float, Gt(0)] = 100.0
    n_directions: Annotated[int, Ge(0)] = 200
    max_items: Annotated[int, Ge(1)] = 3000

    family: ClassVar[str] = "nonparametric_pca"

    item_bias: FloatArray = learned()
    item_rows: NDArray[np.int32] = learned(parameter=False)
    item_directions: FloatArray = learned(parameter=False)
    item_weights: FloatArray = learned(parameter=False)
    covariance: FloatArray = learned()
    noise_variance: FloatArray = learned()
    slopes: FloatArray = learned()
    user_directions: FloatArray = learned(parameter=False)
    user_starts: NDArray[np.int64] = learned(parameter=False)
    user_rows: NDArray[np.int32] = learned(parameter=False)
    user_coefficients: FloatArray = learned(parameter=False)

    # -- training

    def _fit(self, training: Training) -> History:
        ratings, features = training.ratings, training.features
        if features is None:
            features = Features(*(sparse.csr_array((n, 0)) for n in ratings.shape))
        self.known_users = self.known_users | (np.diff(features.users.indptr) > 0)
        self.known_items = self.known_items | (np.diff(features.items.indptr) > 0)
        self._choose_rows(ratings)
        self._start(ratings, features)
        learner = Learner(self, ratings)
        weights = [self.covariance, self.slopes, self.item_bias, self.noise_variance]
        return training.run(learner.step, weights, self, refresh=learner.refresh)

    def _choose_rows(self, ratings: sparse.csr_array) -> None:
        counts = np.bincount(ratings.indices, minlength=ratings.shape[1])
        n_rows = min(len(counts), self.max_items)
        self.item_rows = np.full(len(counts), n_rows, dtype=np.int32)
        self.item_rows[np.argsort(-counts, kind="stable")[:n_rows]] = np.arange(n_rows)

    def _start(self, ratings: sparse.csr_array, features: Features) -> None:
        n_users, n_items = ratings.shape
        n_rows = int(self.item_rows.max()) + 1
        residuals = Biases.of(ratings, self.mean[0]).residuals(ratings).data
        variance = max(float(np.square(residuals, dtype=np.float64).mean()), 1e-6)
        self.noise_variance = np.array([self.noise * variance], dtype=np.float32)
        _, items, _ = observed(ratings)
        self.item_weights = (
            np.maximum(np.bincount(items, minlength=n_items), 1) ** -0.5
        ).astype(np.float32)
        expected, means = prior_means(ratings, features.items)
        self.expected = expected.astype(np.float32)
        self.variance = variance
        self.item_bias = means.astype(np.float32)
        to_rows = sparse.csr_array(
            (np.ones(n_items, np.float32), (self.item_rows, np.arange(n_items))),
            shape=(n_rows, n_items),
        )
        raters = to_rows @ sparse.csr_array(
            (np.ones(ratings.nnz, np.float32), ratings.indices, ratings.indptr),
            shape=ratings.shape,
        ).T.tocsr()
        of_rows = (to_rows @ features.items).toarray() / to_rows.sum(1)[:, None]
        self.covariance = np.float32(variance) * prior_covariance(raters.tocsr(), of_rows)
        self.item_directions = projection(
            rated_items(ratings, self.item_weights), self.n_directions
        )
        self.user_directions = self._directions(ratings, features.users)
        self.slopes = np.zeros((self.user_directions.shape[1], n_rows), dtype=np.float32)

    def _directions(
        self, ratings: sparse.csr_array, features: sparse.csr_array | None
    ) -> FloatArray:
        implicit = rated_items(ratings, self.item_weights) @ self.item_directions
        n_features = len(self.slopes) - implicit.shape[1] if features is None else None
        side = (
            np.zeros((ratings.shape[0], n_features), dtype=np.float32)
            if features is None
            else features.toarray()
        )
        return np.hstack([implicit, side]).astype(np.float32)

    # -- prediction

    def _expected(self, users: Indices, items: Indices) -> FloatArray:
        """m_i + z_u . w_i"""
        values: FloatArray = self.item_bias[items]
        slopes = np.ascontiguousarray(self.slopes.T)
        for start in range(0, len(users), PAIRS):
            pairs = slice(start, start + PAIRS)
            values[pairs] += np.einsum(
                "pk,pk->p",
                self.user_directions[users[pairs]],
                slopes[self.item_rows[items[pairs]]],
            )
        return values

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        rows = self.item_rows[items]
        of_users = self.user_starts, self.user_rows, self.user_coefficients
        means: FloatArray = posterior_means(users, rows, self.covariance, *of_users)
        return means + self._expected(users, items)

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_directions = self._directions(ratings, features)
        self._condition(ratings)

    def _condition(self, ratings: sparse.csr_array, total: FloatArray | None = None) -> None:
        users, items, values = observed(ratings)
        rated = RatedRows.of(ratings, self.item_rows)
        residuals = values - self._expected(users, items)
        self.user_starts, self.user_rows = rated.starts, rated.rows
        self.user_coefficients = coefficients(
            self.covariance, rated, residuals, float(self.noise_variance[0]), total
        )


class Learner:
    def __init__(self, model: NonparametricPCA, ratings: sparse.csr_array) -> None:
        self.model, self.ratings = model, ratings
        self.total = np.zeros_like(model.covariance)
        self.prior = model.covariance.copy()
        self.n_users = int((np.diff(ratings.indptr) > 0).sum())
        self.fresh = False
        directions = model.user_directions
        gram = directions.T.astype(np.float64) @ directions
        n_implicit = model.item_directions.shape[1]
        penalties = np.full(len(gram), model.feature_regularization)
        penalties[:n_implicit] = model.mean_regularization
        self.shrink = np.linalg.solve(gram + np.diag(penalties), gram).astype(np.float32)
        self.inverse = np.linalg.inv(gram + np.diag(penalties)).astype(np.float32)

    def refresh(self) -> None:
        self.total[:] = 0
        self.model._condition(self.ratings, self.total)
        self.fresh = True

    def step(self) -> None:
        if not self.fresh:
            self.refresh()
        self.fresh = False
        model = self.model
        covariance, n_rows = model.covariance, len(model.covariance)
        rated = RatedRows(model.user_starts, model.user_rows)
        alpha = rated.matrix(model.user_coefficients, n_rows)
        change = covariance @ ((alpha.T @ alpha).toarray() - self.total) @ covariance
        # slopes
        model.slopes[:] = self.shrink @ model.slopes + self.inverse @ (
            (alpha.T @ model.user_directions).T @ covariance
        )
        # means
        of_row = np.flatnonzero(model.item_rows < model.max_items)
        items = np.empty(len(of_row), dtype=np.int64)
        items[model.item_rows[of_row]] = of_row
        k = len(items)
        precision = np.float32(1 / (MEAN_VARIANCE * model.variance))
        system = self.total[:k, :k].copy()
        system[np.diag_indices(k)] += precision
        linear = np.asarray(alpha.sum(0))[:k] - precision * (
            model.item_bias[items] - model.expected[items]
        )
        model.item_bias[items] += solve(system, linear, assume_a="pos")
        # noise
        if model.learn_noise:
            s2 = float(model.noise_variance[0])
            d = np.concatenate([np.diag(precision_of(covariance, rows, s2)) for _, rows in rated])
            c = model.user_coefficients
            order = np.concatenate([np.arange(p.start, p.stop) for p, _ in rated])
            ratio = float(np.mean(c[order] ** 2 / d))
            model.noise_variance[0] *= ratio**model.learn_noise
        covariance[:] = self._moved(change)

    def _moved(self, change: FloatArray) -> FloatArray:
        model = self.model
        strength = model.prior_strength
        for size in (model.step_size, 1.0):
            moved = (self.n_users * model.covariance + size * change + strength * self.prior) / (
                self.n_users + strength
            )
            moved = (moved + moved.T) / 2
            shifted = moved.copy()
            shifted[np.diag_indices(len(moved))] += model.noise_variance[0] / 10
            if spotrf(shifted, lower=0, overwrite_a=1)[1] == 0:
                break
        return moved
