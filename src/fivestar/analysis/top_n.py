"""The items that a model predicts the highest ratings for, of those a user has not rated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.blocks import Blocks, unbounded
from fivestar.models import Model
from fivestar.ratings import Indices, observed

MARGIN = 10
"""Items more than asked for that are looked at more exactly."""


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
    first by index comes first, whatever the blocks.

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
    column = np.full(seen.shape[1], -1)
    column[candidates] = np.arange(len(candidates))
    lists = [np.empty((0, n), dtype=np.intp)]
    start = 0
    for block, scores in Blocks(free).iterate(users, candidates, label):
        rows, items, _ = observed(seen[start : start + len(block)])
        start += len(block)
        is_candidate = column[items] >= 0
        scores[rows[is_candidate], column[items[is_candidate]]] = -np.inf
        chosen = best(scores, n + MARGIN)
        if len(candidates):
            chosen = np.where(chosen >= 0, candidates[chosen], -1)
        lists.append(_exactly(free, block, chosen, n))
    return np.concatenate(lists)


def _exactly(model: Model, users: Indices, chosen: Indices, n: int) -> Indices:
    """The n best of the chosen items, by predictions pair by pair.

    Those of a product of matrices differ from them in the last digit, and with the block.
    """
    chosen = np.sort(chosen, axis=1)
    pairs = np.repeat(users, chosen.shape[1]), chosen.ravel()
    scores = model.predict(*pairs).reshape(chosen.shape)
    places = best(np.where(chosen >= 0, scores, -np.inf), n)
    return np.where(places >= 0, np.take_along_axis(chosen, places, axis=1), -1)


def best(scores: NDArray[np.floating], n: int) -> Indices:
    """Columns of the n highest scores of each row, the highest first; -1 where there are no more.

    Of equal scores the first column comes first, at the edge of the list too. A score of minus
    infinity is never chosen.
    """
    n_rows, n_columns = scores.shape
    kept = min(n, n_columns)
    chosen = np.full((n_rows, n), -1, dtype=np.intp)
    if kept == 0:
        return chosen
    edge = np.partition(scores, n_columns - kept, axis=1)[:, [n_columns - kept]]
    above, level = scores > edge, scores == edge
    room = kept - above.sum(axis=1, keepdims=True)
    taken = above | (level & (np.cumsum(level, axis=1) <= room))
    columns = np.nonzero(taken)[1].reshape(n_rows, kept)  # rising in each row
    values = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    columns = np.where(values > -np.inf, columns, -1)
    chosen[:, :kept] = np.take_along_axis(columns, order, axis=1)
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
