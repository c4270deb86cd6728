"""How good the lists are that a model makes, on ratings that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.top_n import rank_rated, top_n
from fivestar.metrics.ranking import item_popularity, measures
from fivestar.models import Model
from fivestar.ratings import Indices, csr_matrix, observed

ALL_UNSEEN, ONLY_RATED = "all_unseen_items", "only_rated_items"


@dataclass(frozen=True)
class HeldOut:
    """Ratings to measure lists by.

    Attributes
    ----------
    users : (n_users,) indices of those measured, each with a relevant item
    seen, ratings : (n_users, n_items) what models were trained on, and what was held out
    relevant : the held-out entries with high enough ratings
    popularity : (n_items,) fraction of all users who rated an item in what models were trained on
    """

    users: Indices
    seen: sparse.csr_array
    ratings: sparse.csr_array
    relevant: sparse.csr_array
    popularity: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        seen: sparse.csr_array,
        held_out: sparse.csr_array,
        min_rating: float,
        max_users: int,
        seed: int,
    ) -> HeldOut:
        """Of all users to whom an item is relevant, rated ``min_rating`` or more; or of a draw."""
        users, items, ratings = observed(held_out)
        # Half a float32 rounding: 0.7 of 5 is 3.5.
        liked = ratings >= min_rating - 1e-6 * max(abs(min_rating), 1)
        relevant = csr_matrix(users[liked], items[liked], ratings[liked], held_out.shape)
        chosen = np.flatnonzero(np.diff(relevant.indptr))
        if len(chosen) > max_users:
            random = np.random.default_rng(seed)
            chosen = np.sort(random.choice(chosen, max_users, replace=False))
        popularity = item_popularity(seen)
        return cls(chosen, seen[chosen], held_out[chosen], relevant[chosen], popularity)


def measure_lists(
    model: Model, held_out: HeldOut, n: int, label: str
) -> dict[str, dict[str, float]]:
    """Measures of lists of n items by protocol.

    - ``all_unseen_items``: a list is drawn from all items that the user has not rated in what
      the model was trained on. Relevant are those that the user rated well among the held-out
      ones; unrated ones count as not relevant, which many of them are not. The closest to
      what a recommender does, but it rewards models that know which items get rated at all:
      those that predict ratings best are known to do poorly here (Cremonesi, Koren, Turrin,
      "Performance of Recommender Algorithms on Top-N Recommendation Tasks", 2010).
    - ``only_rated_items``: a list is drawn from the user's held-out items. Whether the
      better-liked come first, of what was rated anyway.
    """
    users, seen = held_out.users, held_out.seen
    lists = {
        ALL_UNSEEN: top_n(model, users, seen, np.arange(seen.shape[1]), n, label=label),
        ONLY_RATED: rank_rated(model, users, held_out.ratings, n),
    }
    relevant, popularity = held_out.relevant, held_out.popularity
    return {name: measures(ranked, relevant, popularity) for name, ranked in lists.items()}
