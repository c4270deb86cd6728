"""What a factorisation expects of a user before the first answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.metrics import mse
from fivestar.models import Model
from fivestar.ratings import observed

MAX_FACTORS = 200
"""A covariance matrix of this size is kept for each user whose answers are looked at."""
MIN_NOISE = 1e-6
"""Without any, one answer would settle everything."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class UserPrior:
    r"""Ratings r_i ~ N(base_i + d_i . t, noise) by users t ~ N(mean, covariance).

    Attributes
    ----------
    base : (n_items,)
    design : (n_items, size) d: an item's factors and a one; zeros where it has no rating
    mean : (size,) and covariance : (size, size), of the factors and biases of the users
    noise : variance of what the model leaves unexplained
    """

    base: Array
    design: Array
    mean: Array
    covariance: Array
    noise: float

    @classmethod
    def of(cls, model: Model, ratings: sparse.csr_array) -> UserPrior:
        """From a factorisation mu + b_u + b_i + x_u . y_i and the ratings that it learned from.

        Raises
        ------
        ValueError
            If that is not how the model predicts, or it has more than ``MAX_FACTORS`` factors.
        """
        factors = model.factors()
        if factors is None or factors.users is None or not factors.exact:
            raise ValueError("its predictions are not mu + b_u + b_i + x_u . y_i")
        if (n_factors := factors.items.shape[1]) > MAX_FACTORS:
            raise ValueError(f"it has {n_factors} factors; {MAX_FACTORS} are the most")
        n_users, n_items = ratings.shape
        design = np.column_stack([factors.items, np.ones(n_items)]).astype(np.float64)
        design[np.bincount(ratings.indices, minlength=n_items) == 0] = 0
        bias = np.zeros(n_users) if factors.user_bias is None else factors.user_bias
        users = np.column_stack([factors.users, bias])[np.diff(ratings.indptr) > 0]
        base = np.zeros(n_items) if factors.item_bias is None else factors.item_bias
        rows, items, values = observed(ratings)
        return cls(
            base=factors.constant + base.astype(np.float64),
            design=design,
            mean=users.mean(axis=0, dtype=np.float64),
            covariance=np.cov(users.T.astype(np.float64), bias=True),
            noise=max(mse(values, model.predict(rows, items)), MIN_NOISE),
        )
