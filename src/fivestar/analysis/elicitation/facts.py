"""How well known items are, and how much people differ about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

LEVELS = 20
"""Most different ratings that are counted one by one; more are put into as many even bins."""


@dataclass(frozen=True)
class Facts:
    """What ratings say of the items, (n_items,) each.

    Attributes
    ----------
    n_ratings : number of ratings
    share : of the users with any rating, those who rated the item
    spread : standard deviation of its ratings, stars; 0 where there is none
    entropy : of the shares of its stars, in nats; 0 where there is no rating
    """

    n_ratings: NDArray[np.int64]
    share: NDArray[np.float64]
    spread: NDArray[np.float64]
    entropy: NDArray[np.float64]

    @classmethod
    def of(cls, ratings: sparse.csr_array) -> Facts:
        """From ratings, users x items."""
        n_items = ratings.shape[1]
        stars, levels = np.unique(ratings.data, return_inverse=True)
        if len(stars) > LEVELS:
            edges = np.linspace(stars[0], stars[-1], LEVELS + 1)[1:-1]
            levels = np.searchsorted(edges, ratings.data, side="right")
        n_levels = min(len(stars), LEVELS)
        cells = ratings.indices.astype(np.intp) * n_levels + levels
        counts = np.bincount(cells, minlength=n_items * n_levels).reshape(n_items, n_levels)
        n_ratings = counts.sum(axis=1)
        one = np.maximum(n_ratings, 1)
        shares = counts / one[:, None]
        logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
        mean = np.bincount(ratings.indices, ratings.data, n_items) / one
        squares = np.square(ratings.data - mean[ratings.indices])
        return cls(
            n_ratings=n_ratings,
            share=n_ratings / max(1, np.count_nonzero(np.diff(ratings.indptr))),
            spread=np.sqrt(np.bincount(ratings.indices, squares, n_items) / one),
            entropy=-(shares * logs).sum(axis=1),
        )
