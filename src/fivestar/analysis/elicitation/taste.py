"""What a factorisation believes of a person before the first answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models import Model
from fivestar.ratings import observed

PROBE = 200_000
"""Ratings that the noise is found from, at the most."""
LEAST_NOISE = 1e-6
"""Stars squared: without any, one answer would settle everything."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Taste:
    r"""Ratings r_i ~ N(g_i + d_i . t, noise) by people t ~ N(mean, covariance).

    Attributes
    ----------
    base : (n_items,) g, stars
    design : (n_items, size) d: an item's factors and a one; zeros where it has no rating
    mean : (size,) and covariance : (size, size), of the factors and biases of the users
    noise : variance of what the model leaves unexplained, stars squared
    """

    base: Array
    design: Array
    mean: Array
    covariance: Array
    noise: float

    @classmethod
    def of(cls, model: Model, ratings: sparse.csr_array) -> Taste:
        """From a factorisation mu + b_u + b_i + x_u . y_i and the ratings that it learned from.

        Raises
        ------
        ValueError
            If that is not how the model predicts.
        """
        users, items, stars = observed(ratings)
        try:
            base = np.asarray(model.global_mean + model.item_bias, dtype=np.float64)  # type: ignore[attr-defined]
            design = _with(model.item_factors, np.ones(ratings.shape[1]))  # type: ignore[attr-defined]
            people = _with(model.user_factors, model.user_bias)  # type: ignore[attr-defined]
        except (AttributeError, ValueError) as error:
            raise ValueError("no factors and biases of users and items") from error
        some = np.arange(len(users))
        if len(users) > PROBE:
            some = np.random.default_rng(0).choice(len(users), PROBE, replace=False)
        own = model.predict(users[some], items[some])
        told = base[items[some]] + np.sum(people[users[some]] * design[items[some]], axis=1)
        if not np.allclose(np.clip(told, *model.ends), own, atol=1e-3):
            raise ValueError("predictions are not mu + b_u + b_i + x_u . y_i")
        design[np.bincount(items, minlength=len(design)) == 0] = 0
        return cls(
            base=base,
            design=design,
            mean=people.mean(axis=0),
            covariance=np.cov(people.T, bias=True),
            noise=max(float(np.square(stars[some] - own).mean()), LEAST_NOISE),
        )


def _with(factors: NDArray, last: NDArray) -> Array:
    return np.column_stack([factors, last]).astype(np.float64)
