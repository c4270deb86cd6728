"""In which order to ask users for items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import sparse, special

from fivestar.analysis.elicitation.greedy import Beliefs, ExpectedVariance, RealizedError, choose
from fivestar.analysis.elicitation.prior import Array, UserPrior
from fivestar.ratings import Indices

Strategy = Literal["random", "popular", "popularity_entropy", "greedy", "greedy_extend"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
GREEDY: tuple[Strategy, ...] = ("greedy", "greedy_extend")
"""Those that need to know what a user's ratings are like before the first answer."""

MAX_LEVELS = 20
"""Different ratings that are counted one by one; more are put into as many even bins."""
MAX_CHOSEN = 100
"""Items that the greedy strategies choose one by one; no one answers longer lists."""
MAX_CANDIDATES = 400
"""Items that they choose from, the most rated: hardly anyone can answer for others."""


@dataclass(frozen=True)
class Ranking:
    """All items in the order in which they are asked for.

    Attributes
    ----------
    items : (n_items,) indices
    gains : (n_items,) in the same order, what the strategy goes by; NaN where it does not tell
    """

    items: Indices
    gains: Array


def rank(
    strategy: Strategy, ratings: sparse.csr_array, prior: UserPrior | None = None, seed: int = 42
) -> Ranking:
    """Order the items of a questionnaire.

    ``random`` is for reference, ``popular`` by the number of ratings, ``popularity_entropy`` by
    the logarithm of that number times the entropy of the ratings (Rashid et al., "Getting to
    Know You", IUI 2002). ``greedy`` and ``greedy_extend`` choose one item after the other
    (``ExpectedVariance``, ``RealizedError``) until the list is as long as anyone would answer;
    then popular ones follow. Items that nobody rated always come last.

    Parameters
    ----------
    ratings
        Users x items: all that may be known.
    prior
        For the greedy strategies.
    seed
        Of ``random``, and of the choice of users where there are many.
    """
    n_ratings = np.bincount(ratings.indices, minlength=ratings.shape[1])
    by_popularity = np.argsort(-n_ratings, kind="stable")
    rated = by_popularity[: np.count_nonzero(n_ratings)]
    match strategy:
        case "random":
            order = np.random.default_rng(seed).permutation(np.sort(rated))
            gains = np.full(len(order), np.nan)
        case "popular" | "popularity_entropy":
            scores = n_ratings.astype(np.float64)
            if strategy == "popularity_entropy":
                scores = np.log(np.maximum(scores, 1)) * entropies(ratings)
            order = rated[np.argsort(-scores[rated], kind="stable")]
            gains = scores[order]
        case "greedy" | "greedy_extend":
            if prior is None:
                raise ValueError(f"{strategy} needs a prior")
            candidates = rated[:MAX_CANDIDATES]
            probability = n_ratings / np.count_nonzero(np.diff(ratings.indptr))
            beliefs: Beliefs = (
                ExpectedVariance(prior, probability, n_ratings, candidates)
                if strategy == "greedy"
                else RealizedError(prior, ratings, candidates, seed)
            )
            order, gains = choose(beliefs, MAX_CHOSEN)
    rest = np.setdiff1d(by_popularity, order, assume_unique=True)  # which keeps their order
    return Ranking(np.append(order, rest), np.append(gains, np.full(len(rest), np.nan)))


def entropies(ratings: sparse.csr_array) -> Array:
    """Entropy of each item's ratings, (n_items,) in nats; 0 where there is none."""
    values, levels = np.unique(ratings.data, return_inverse=True)
    if len(values) > MAX_LEVELS:
        edges = np.linspace(values[0], values[-1], MAX_LEVELS + 1)[1:-1]
        levels = np.searchsorted(edges, ratings.data, side="right")
    counts = np.zeros((ratings.shape[1], MAX_LEVELS))
    np.add.at(counts, (ratings.indices, levels), 1)
    entropy: Array = special.entr(counts / np.maximum(counts.sum(1, keepdims=True), 1)).sum(axis=1)
    return entropy
