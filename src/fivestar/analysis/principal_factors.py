"""What a factorisation's factors hold, in the one rotation that is theirs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

NOTHING = 1e-9
"""Share of the variance below which there is no factor but rounding."""


class PrincipalFactors(NamedTuple):
    """Principal factors, the strongest first.

    Attributes
    ----------
    scores : (n_items, n_factors)
        What a factor adds to the prediction of an item, for a user one standard deviation
        above the average in it.
    shares : (n_factors,) of the variance of all products
    """

    scores: Array
    shares: Array


def principal_factors(items: Array, users: Array | None, n: int) -> PrincipalFactors:
    r"""Factors in the order of what they explain of the predictions.

    Predictions determine the vectors only up to an invertible matrix A, for
    x . y = (A'x) . (A^-1 y): a single coordinate of a vector means nothing. What is theirs is
    the matrix of all products, P = X Y', less what each user and each item has on average
    (which belongs to the biases). Its singular value decomposition,

        P - row means - column means + mean = sum_f s_f u_f v_f',

    gives factors that are uncorrelated over users and over items; factor f explains
    s_f^2 / sum s^2 of the variance, and an item's score is s_f v_if / sqrt(n_users). P is
    never formed: with a square root R of the users' second moment, X'X / n_users = R R', the
    scores are those of Y R. Without users, the item vectors themselves are decomposed.

    Parameters
    ----------
    items, users
        (n_items, k) and (n_users, k).
    n
        Factors at the most; fewer where there are no more.
    """
    products = (items - items.mean(axis=0)).astype(np.float64)
    if users is not None:
        centred = users - users.mean(axis=0)
        values, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64) / len(users))
        products = products @ (vectors * np.sqrt(np.maximum(values, 0)))
    left, singular, _ = np.linalg.svd(products, full_matrices=False)
    shares = singular**2 / max((singular**2).sum(), 1e-300)
    kept = np.flatnonzero(shares > NOTHING)[:n]
    scores = left[:, kept] * singular[kept]
    scores *= np.where((scores**3).sum(0) < 0, -1, 1)  # the longer tail is the top
    return PrincipalFactors(scores, shares[kept])
