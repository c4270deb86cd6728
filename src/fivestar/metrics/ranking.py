r"""How good lists of recommended items are.

A list of user u holds up to N items, h_uk is 1 if its item at place k = 1, ..., N is relevant
(the user rated it highly, in a split that the model has not seen), and m_u is the number of
all relevant items of u. Users without a relevant item are left out. Sources: Manning, Raghavan,
Schuetze, "Introduction to Information Retrieval", 2008, chapter 8 (precision, recall, average
precision); Jaervelin, Kekaelaeinen, "Cumulated Gain-Based Evaluation of IR Techniques", 2002
(nDCG); Ge, Delgado-Battenfeld, Jannach, "Beyond Accuracy", 2010 (catalogue coverage); Zhou et
al., "Solving the Apparent Diversity-Accuracy Dilemma", 2010 (self-information).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.ratings import Indices, observed

Hits = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

MEASURES = ["precision", "recall", "ndcg", "map", "coverage", "novelty"]


def measures(
    lists: Indices, relevant: sparse.csr_array, popularity: NDArray[np.floating]
) -> dict[str, float]:
    """All measures, means over the users.

    Parameters
    ----------
    lists
        (n_users, N) indices of items, the best first; -1 where a list is shorter.
    relevant
        (n_users, n_items); stored entries are the relevant items. Each row has one.
    popularity
        (n_items,) fraction of the users who rated an item.
    """
    hits, shown = are_relevant(lists, relevant), (lists >= 0).sum(axis=1)
    n_relevant = np.diff(relevant.indptr)
    return {
        "precision": float(precision(hits, shown).mean()),
        "recall": float(recall(hits, n_relevant).mean()),
        "ndcg": float(ndcg(hits, n_relevant).mean()),
        "map": float(average_precision(hits, n_relevant).mean()),
        "coverage": coverage(lists, relevant.shape[1]),
        "novelty": novelty(lists, popularity),
    }


def are_relevant(lists: Indices, relevant: sparse.csr_array) -> Hits:
    """h, (n_users, N)."""
    users, items, _ = observed(relevant)
    n_items = relevant.shape[1]
    asked = np.arange(len(lists))[:, None] * n_items + lists
    hits: Hits = np.isin(asked, users * n_items + items) & (lists >= 0)
    return hits


def precision(hits: Hits, shown: NDArray[np.integer]) -> FloatArray:
    """Fraction of the shown items that are relevant, (n_users,); 0 of an empty list.

    A list that is shorter than N, for want of items, is judged by what it shows.
    """
    fraction: FloatArray = hits.sum(axis=1) / np.maximum(shown, 1)
    return fraction


def recall(hits: Hits, n_relevant: NDArray[np.integer]) -> FloatArray:
    """Fraction of the relevant items that are in the list, (n_users,)."""
    fraction: FloatArray = hits.sum(axis=1) / n_relevant
    return fraction


def ndcg(hits: Hits, n_relevant: NDArray[np.integer]) -> FloatArray:
    r"""Normalised discounted cumulated gain, (n_users,), with a gain of 1 of a relevant item.

    nDCG_u = sum_k h_uk / log2(k + 1)  /  sum_{k <= min(N, m_u)} 1 / log2(k + 1)

    A list with its only relevant item on top, and one that has it in the second place:

    >>> ndcg(np.array([[True, False], [False, True]]), np.array([1, 1])).round(3).tolist()
    [1.0, 0.631]
    """
    n = hits.shape[1]
    discounts = 1 / np.log2(np.arange(2, n + 2))
    ideal = np.cumsum(discounts)[np.minimum(n_relevant, n) - 1]
    gain: FloatArray = hits @ discounts / ideal
    return gain


def average_precision(hits: Hits, n_relevant: NDArray[np.integer]) -> FloatArray:
    r"""AP at N, (n_users,); its mean over the users is MAP at N.

    AP_u = 1 / min(N, m_u)  sum_k h_uk (h_u1 + ... + h_uk) / k
    """
    n = hits.shape[1]
    precisions = np.cumsum(hits, axis=1) / np.arange(1, n + 1)
    average: FloatArray = (hits * precisions).sum(axis=1) / np.minimum(n_relevant, n)
    return average


def coverage(lists: Indices, n_items: int) -> float:
    """Fraction of all items that are in the list of one user or more."""
    return len(np.unique(lists[lists >= 0])) / n_items


def novelty(lists: Indices, popularity: NDArray[np.floating]) -> float:
    """Mean self-information of the listed items, -log2 of their popularity, in bits.

    0 if everybody has rated them, 1 if half of the users have.
    """
    listed = lists[lists >= 0]
    return float(-np.log2(popularity[listed]).mean()) if len(listed) else float("nan")


def item_popularity(ratings: sparse.csr_array) -> FloatArray:
    """Fraction of the users with ratings who rated each item, (n_items,).

    Items without ratings count as rated once.
    """
    counts = np.bincount(ratings.indices, minlength=ratings.shape[1])
    fraction: FloatArray = np.maximum(counts, 1) / np.count_nonzero(np.diff(ratings.indptr))
    return fraction
