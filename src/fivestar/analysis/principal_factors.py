"""What a factorisation's factors hold, in the one rotation that is theirs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Array = NDArray[np.floating]

SMALL = 2048
"""Items whose products with each other may all be in memory."""
NOTHING = 1e-9
"""Share of the variance below which there is no factor but rounding."""


@dataclass(frozen=True)
class Factors:
    """Principal factors, the strongest first.

    Attributes
    ----------
    scores
        (n_items, n_factors): what a factor adds to the prediction of an item, for a person one
        standard deviation above the average in it.
    shares
        (n_factors,) of the variance of all products.
    """

    scores: Array
    shares: Array


def principal_factors(items: Array, users: Array | None, n: int) -> Factors:
    r"""Factors in the order of what they explain of the predictions.

    Predictions determine the vectors only up to an invertible matrix A, for
    x . y = (A'x) . (A^-1 y): a single coordinate of a vector means nothing. What is theirs is
    the matrix of all products, P = X Y', less what each user and each item has on average
    (which belongs to the biases). Its singular value decomposition,

        P - row means - column means + mean = sum_f s_f u_f v_f',

    gives factors that are uncorrelated over users and over items; factor f explains
    s_f^2 / sum s^2 of the variance, and an item's score is s_f v_if / sqrt(n_users). P is
    never formed. Without users, the item vectors themselves are decomposed.

    Parameters
    ----------
    items, users
        (n_items, k) and (n_users, k).
    n
        Factors at the most; fewer where there are no more.
    """
    right = (items - items.mean(axis=0)).astype(np.float64)
    second_moment = np.eye(items.shape[1])
    if users is not None:
        left = users - users.mean(axis=0)
        second_moment = (left.T @ left).astype(np.float64) / len(left)
    n = min(n, *items.shape)
    if len(items) <= max(SMALL, items.shape[1]):
        variance, scores, total = _by_items(right, second_moment, n)
    else:
        variance, scores, total = _by_coordinates(right, second_moment, n)
    real = variance > NOTHING * max(total, 1e-300)
    scores = scores[:, real]
    scores *= np.where((scores**3).sum(0) < 0, -1, 1)  # the longer tail is the top
    return Factors(scores, variance[real] / max(total, 1e-300))


def _by_items(right: Array, second_moment: Array, n: int) -> tuple[Array, Array, float]:
    """Eigenvectors of Y C Y', (n_items, n_items), C being the users' second moment."""
    products = right @ second_moment @ right.T
    variance, vectors = _largest(products, n)
    return variance, vectors * np.sqrt(variance), float(np.trace(products))


def _by_coordinates(right: Array, second_moment: Array, n: int) -> tuple[Array, Array, float]:
    """The same by R' Y'Y R, (k, k), with C = R R'."""
    values, vectors = np.linalg.eigh(second_moment)
    root = vectors * np.sqrt(np.maximum(values, 0))
    products = root.T @ (right.T @ right) @ root
    variance, turned = _largest(products, n)
    return variance, right @ root @ turned, float(np.trace(products))


def _largest(symmetric: Array, n: int) -> tuple[Array, Array]:
    """The n largest eigenvalues, largest first, and their vectors in columns."""
    size = len(symmetric)
    values, vectors = eigh(symmetric, subset_by_index=[size - n, size - 1])
    return np.maximum(values[::-1], 0), vectors[:, ::-1]
