"""How many people like both of two items."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.ratings import Vocabulary, csr_matrix


def likes(ratings: pd.DataFrame, items: pd.Index, liked_from: float) -> sparse.csr_array:
    """L, n_users x n_items: 1 where the user gave the item ``liked_from`` stars or more.

    Parameters
    ----------
    ratings
        ``user``, ``item``, ``rating``.
    items
        The columns of L; items that nobody rated or liked have a column of their own too.
    """
    liked = ratings[ratings["rating"] >= liked_from]
    vocabulary = Vocabulary(users=pd.Index(liked["user"].unique()), items=items)
    users, columns = vocabulary.positions(liked)
    if (columns < 0).any():
        raise ValueError("an item that is rated is not among the items")
    return csr_matrix(users, columns, np.ones(len(liked)), vocabulary.shape)


def co_likes(liked: sparse.csr_array) -> sparse.csr_array:
    """X = L^T L with a zero diagonal, n_items x n_items, as a sparse matrix.

    X_ij is the number of users who like both i and j. Only pairs of items that some user
    likes are stored: sum_u n_u^2 of them at the most, n_u the number of the user's likes.
    """
    both = liked.T @ liked
    counts = sparse.csr_array(both - sparse.diags_array(both.diagonal()))
    counts.eliminate_zeros()
    counts.sort_indices()
    return counts
