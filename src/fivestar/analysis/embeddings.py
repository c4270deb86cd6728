"""The vectors and biases of any model that has them, in one form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivestar.models import Model

Array = NDArray[np.floating]

MOST_NUMBERS = 1 << 27
"""Entries of the vectors that are made of samples, users and items together: half a GB."""


@dataclass(frozen=True)
class Embeddings:
    """Vectors and biases whose sum is what a model says of a pair, but for a constant.

        prediction ~ constant + user_bias_u + item_bias_i + users_u . items_i

    Attributes
    ----------
    items
        (n_items, k).
    users
        (n_users, k); None where a prediction is no dot product.
    item_bias, user_bias
        (n_items,) and (n_users,); None where the model has none.
    in_stars
        Whether the sum is in stars; if not, it still goes through a sigmoid or cutpoints.
    """

    items: Array
    users: Array | None
    item_bias: Array | None = None
    user_bias: Array | None = None
    in_stars: bool = True


def embeddings_of(model: Model) -> Embeddings | None:
    """What a model has learnt of each item and user; None of a model without such vectors.

    Models are told apart by the arrays that they have learnt, so that a new one that names
    them like the others needs nothing here.
    """
    for arrays, read in (
        ({"user_samples", "item_samples"}, _of_samples),
        ({"output_embeddings", "codes"}, _of_softmax),
        ({"network", "codes"}, _of_autoencoder),
        ({"user_factors", "item_factors"}, _of_factors),
        ({"user_embeddings", "item_embeddings"}, _of_network),
    ):
        if all(hasattr(model, name) for name in arrays):
            return read(model)
    return None


def _of_factors(model: Any) -> Embeddings:
    """Of factorisations; ``profiles`` (SVD++) are what they multiply the items with."""
    users, items = getattr(model, "profiles", model.user_factors), model.item_factors
    if hasattr(model, "diagonal"):  # a S f = (a |S|^1/2 sign S) . (f |S|^1/2)
        roots = np.sqrt(np.abs(model.diagonal))
        users, items = users * roots * np.sign(model.diagonal), items * roots
    spread = float(model.scaling[1]) if hasattr(model, "scaling") else 1.0
    if spread != 1:  # of ratings that were rescaled
        users, items = users * np.float32(np.sqrt(spread)), items * np.float32(np.sqrt(spread))
    return Embeddings(
        items,
        users,
        _bias(model.item_bias, spread),
        _bias(model.user_bias, spread),
        in_stars=not hasattr(model, "margin"),
    )


def _of_samples(model: Any) -> Embeddings:
    """Samples end to end, so that a dot product is the mean over the samples' dot products.

    A factor has no meaning from one sample to the next, so the mean of vectors has none; the
    mean of dot products has.
    """
    n_users, n_samples, size = model.user_samples.shape
    n_items = len(model.item_samples)
    at_most = max(1, MOST_NUMBERS // ((n_users + n_items) * max(size - 1, 1)))
    taken = np.unique(np.linspace(0, n_samples - 1, min(n_samples, at_most)).astype(int))

    def vectors(samples: Array) -> Array:
        drawn: Array = samples[:, taken, :-1].reshape(len(samples), -1)
        return drawn / np.float32(np.sqrt(len(taken)))

    return Embeddings(
        vectors(model.item_samples),
        vectors(model.user_samples),
        _centred(model.item_samples[:, :, -1].mean(1)),
        _centred(model.user_samples[:, :, -1].mean(1)),
        in_stars=not model.ordinal[0],
    )


def _of_autoencoder(model: Any) -> Embeddings:
    """Codes of the rows and the decoder's vectors of the columns.

    The activations of a code may all be positive: what all codes have in common sets none
    apart, and goes to the biases of the columns.
    """
    codes = model.codes
    of_items = model.direction == "item"
    n_columns = len(model.user_means if of_items else model.item_means)
    shift = model.network[-n_columns:]
    decoder = model.network[-n_columns * (codes.shape[1] + 1) : -n_columns].reshape(n_columns, -1)
    common = codes.mean(0)
    codes, shift = codes - common, shift + decoder @ common
    if of_items:
        return Embeddings(codes, decoder, model.item_bias, model.user_bias + shift)
    return Embeddings(decoder, codes, model.item_bias + shift, model.user_bias)


def _of_softmax(model: Any) -> Embeddings:
    """Output embeddings above their mean, and codes by how much a logit counts in stars."""
    _, of_base, of_logit = model.calibration
    return Embeddings(
        model.output_embeddings - model.output_embeddings.mean(0),
        model.codes[:-1] * of_logit,
        of_base * model.item_bias + of_logit * _centred(model.output_bias),
        of_base * model.user_bias,
    )


def _of_network(model: Any) -> Embeddings:
    return Embeddings(model.item_embeddings, None)


def _bias(bias: Array, spread: float) -> Array | None:
    """In stars; None if the model goes without."""
    return bias * np.float32(spread) if bias.any() else None


def _centred(bias: Array) -> Array:
    centred: Array = bias - bias.mean()
    return centred
