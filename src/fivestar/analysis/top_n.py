"""The items that a model predicts the highest ratings for, of those a user has not rated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.blocks import Blocks, unbounded
from fivestar.models import Model
from fivestar.models.progress import progress_bar
from fivestar.models.threads import results_in_threads, slices
from fivestar.ratings import Indices, observed

MARGIN = 10
"""Items more than asked for that are looked at more exactly."""
WIDE_MARGIN, TIMES = 50, 5
"""By factors that are not exact: so many more than so many times as many."""


def top_n(
    model: Model,
    users: Indices,
    seen: sparse.csr_array,
    candidates: Indices,
    n: int,
    *,
    label: str = "recommendations",
) -> Indices:
    """The best items of each user, the best first.

    Items are ranked by the prediction before it is kept inside the scale; of equal ones the
    first by index comes first, whatever the blocks and threads. Where a model has factors to
    rank by that are not exact, only the items that they put first are looked at.

    Parameters
    ----------
    users
        (n_users,) indices; -1 is a user whom the model does not know.
    seen
        (n_users, n_items), a row for each of these users; stored entries are not recommended.
    candidates
        (n_candidates,) indices of the items that may be, in rising order.
    label
        On the progress bar.

    Returns
    -------
    (n_users, n) indices of items; -1 where a user has no more.
    """
    free = unbounded(model)
    factors = free.ranking_factors()
    n_first = n + MARGIN if factors is None or factors.exact else TIMES * n + WIDE_MARGIN
    # What is unknown is predicted by means, which sums that are not exact cannot be compared to.
    is_known = np.asarray(free.known_items[candidates], dtype=bool)
    groups = (candidates[is_known], candidates[~is_known])
    rankings = [_Ranking(Blocks(free, items, factors)) for items in groups if len(items)]
    lists = np.full((len(users), n), -1, dtype=np.intp)

    def fill(block: slice) -> int:
        asked, seen_there = users[block], seen[block]
        first = [ranking.first(asked, seen_there, n_first) for ranking in rankings]
        lists[block] = _exactly(free, asked, np.hstack(first), n)
        return len(asked)

    if not rankings:
        return lists
    parts = slices(len(users), min(ranking.blocks.height for ranking in rankings))
    with progress_bar(len(users), label) as bar:
        # Without factors the model itself has the threads.
        for n_done in map(fill, parts) if factors is None else results_in_threads(fill, parts):
            bar.update(n_done)
    return lists


class _Ranking:
    """The first of some items by predictions, or by factors that stand for them."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.columns = np.full(blocks.model.n_items, -1)
        self.columns[blocks.items] = np.arange(len(blocks.items))

    def first(self, users: Indices, seen: sparse.csr_array, n: int) -> Indices:
        """The n first of each user, (n_users, n), but for those that are seen; -1 for no more."""
        scores = self.blocks.predict(users)
        rows, items, _ = observed(seen)
        columns = self.columns[items]
        inside = columns >= 0
        scores[rows[inside], columns[inside]] = -np.inf
        chosen = best(scores, n)
        return np.where(chosen >= 0, self.blocks.items[chosen], -1)


def _exactly(model: Model, users: Indices, chosen: Indices, n: int) -> Indices:
    """The n best of the chosen items, by predictions pair by pair.

    Those of a product of matrices differ from them in the last digit, and with the block.
    """
    chosen = np.sort(chosen, axis=1)
    rows, places = np.nonzero(chosen >= 0)
    scores = np.full(chosen.shape, -np.inf, dtype=np.float32)
    scores[rows, places] = model.predict(users[rows], chosen[rows, places])
    places = best(scores, n)
    return np.where(places >= 0, np.take_along_axis(chosen, places, axis=1), -1)


def best(scores: NDArray[np.floating], n: int) -> Indices:
    """Columns of the n highest scores of each row, the highest first; -1 where there are no more.

    Of equal scores the first column comes first, at the edge of the list too. A score of minus
    infinity is never chosen.
    """
    from fivestar.analysis.best import fill_best  # numba takes its time to be imported

    chosen = np.full((len(scores), n), -1, dtype=np.intp)
    fill_best(scores, chosen)
    return chosen


def rank_rated(model: Model, users: Indices, rated: sparse.csr_array, n: int) -> Indices:
    """The best of what each user rated, (n_users, n_items), and of nothing else; as ``top_n``."""
    rows, items, _ = observed(rated)
    scores = unbounded(model).predict(users[rows], items)
    order = np.lexsort((items, -scores, rows))
    rows, items = rows[order], items[order]
    place = np.arange(len(rows)) - rated.indptr[rows]
    lists = np.full((len(users), n), -1, dtype=np.intp)
    lists[rows[place < n], place[place < n]] = items[place < n]
    return lists


def can_be_recommended(
    model: Model, n_ratings: NDArray[np.integer], min_ratings: int
) -> tuple[Indices, int, int]:
    """Indices of the items that are rated often enough and known to the model, in rising order.

    Then the numbers of those with too few ratings, and, of the others, of unknown ones.
    """
    rated = n_ratings >= min_ratings
    known = np.asarray(model.known_items, dtype=bool)
    return np.flatnonzero(rated & known), int((~rated).sum()), int((rated & ~known).sum())
