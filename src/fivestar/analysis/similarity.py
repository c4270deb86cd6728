"""What lies close to an item, and what close items have in common."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.floating]
Measure = Literal["dot", "cosine"]
MEASURES: tuple[Measure, ...] = ("cosine", "dot")

BLOCK = 1024
"""Items whose similarities to all others are in memory at a time."""


def nearest(
    vectors: Array, item: int, allowed: NDArray[np.bool_], n: int, measure: Measure
) -> tuple[NDArray[np.intp], Array]:
    """The indices of the items most similar to one, and their similarities.

    Parameters
    ----------
    vectors
        (n_items, k).
    item
        Its index; it is not among its neighbours.
    allowed
        (n_items,) which items may be.
    measure
        ``dot`` grows with the vectors' lengths, and so favours what the model is sure of;
        ``cosine`` looks at their directions only.
    """
    if measure == "cosine":
        vectors = directions(vectors)
    similarities = vectors @ vectors[item]
    order = np.argsort(-similarities, kind="stable")
    order = order[allowed[order] & (order != item)][:n]
    return order, similarities[order]


def directions(vectors: Array) -> Array:
    """The vectors at length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Array = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit


def label_jaccard(vectors: Array, labels: sparse.csr_array, n: int) -> tuple[float, float]:
    """Whether items that are close by cosine share their labels, their genres for instance.

    The Jaccard index of two items is the number of labels that both have over the number that
    either has; 0 where neither has one.

    Parameters
    ----------
    vectors
        (n_items, k).
    labels
        (n_items, n_labels) zeros and ones.
    n
        Neighbours of each item.

    Returns
    -------
    near, any
        Its mean over the ``n`` nearest neighbours of every item, and over all pairs.
    """
    unit = directions(vectors)
    counts = np.asarray(labels.sum(axis=1)).ravel()
    n_items = len(unit)
    n = min(n, n_items - 1)
    near = total = 0.0
    for start in range(0, n_items, BLOCK):
        rows = slice(start, start + BLOCK)
        both = (labels[rows] @ labels.T).toarray()
        either = counts[rows, None] + counts - both
        jaccard = np.divide(both, either, out=np.zeros(both.shape), where=either > 0)
        similarities = unit[rows] @ unit.T
        own = np.arange(len(both)), np.arange(start, start + len(both))
        jaccard[own], similarities[own] = 0, -np.inf
        closest = np.argpartition(-similarities, n - 1, axis=1)[:, :n]
        near += float(np.take_along_axis(jaccard, closest, axis=1).sum())
        total += float(jaccard.sum())
    return near / (n_items * n), total / (n_items * (n_items - 1))
