"""In which order to ask people for items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.elicitation import greedy
from fivestar.analysis.elicitation.facts import Facts
from fivestar.analysis.elicitation.taste import Array, Taste
from fivestar.ratings import Positions

Strategy = Literal["random", "popular", "popularity_entropy", "greedy", "greedy_extend"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
NEED_TASTE: tuple[Strategy, ...] = ("greedy", "greedy_extend")


@dataclass(frozen=True)
class Ranking:
    """All items in the order in which they are asked for.

    Attributes
    ----------
    items : (n_items,) positions
    gains : (n_items,) in the same order, what the strategy goes by; NaN where it does not tell
    """

    items: Positions
    gains: NDArray[np.float64]


def rank(
    strategy: Strategy, ratings: sparse.csr_array, taste: Taste | None = None, seed: int = 42
) -> Ranking:
    """Order the items of a questionnaire.

    ``random`` is for reference, ``popular`` by the number of ratings, ``popularity_entropy`` by
    the logarithm of that number times the entropy of its stars (Rashid et al., "Getting to
    Know You", IUI 2002). ``greedy`` and ``greedy_extend`` choose one item after the other
    (see ``least_expected_variance`` and ``least_error``) until the list is as long as anyone
    would answer; then popular ones follow. Items that nobody rated always come last.

    Parameters
    ----------
    strategy
        Which.
    ratings
        Users x items: all that may be known.
    taste
        For the greedy strategies.
    seed
        Of ``random``, and of the choice of people where there are many.
    """
    facts = Facts.of(ratings)
    rated = np.flatnonzero(facts.n_ratings)
    match strategy:
        case "random":
            order = np.random.default_rng(seed).permutation(rated)
            return _completed(order, np.full(len(order), np.nan), facts)
        case "popular":
            scores = facts.n_ratings.astype(np.float64)
        case "popularity_entropy":
            scores = np.log(np.maximum(facts.n_ratings, 1)) * facts.entropy
        case "greedy" | "greedy_extend":
            if taste is None:
                raise ValueError(f"{strategy} needs a taste")
            return _completed(*_greedy(strategy, ratings, taste, facts, seed), facts)
    order = rated[np.lexsort((-facts.n_ratings[rated], -scores[rated]))]
    return _completed(order, scores[order], facts)


def _greedy(
    strategy: Strategy, ratings: sparse.csr_array, taste: Taste, facts: Facts, seed: int
) -> tuple[Positions, Array]:
    rated = np.flatnonzero(facts.n_ratings)
    best_known = rated[np.argsort(-facts.n_ratings[rated], kind="stable")][: greedy.CANDIDATES]
    if strategy == "greedy":
        weights = facts.n_ratings.astype(np.float64)
        return greedy.least_expected_variance(
            taste, facts.share, weights, best_known, greedy.LONGEST
        )
    return greedy.least_error(taste, ratings, best_known, greedy.LONGEST, seed)


def _completed(order: Positions, gains: Array, facts: Facts) -> Ranking:
    """With the items that are not in the order behind it, popular ones first."""
    rest = np.setdiff1d(np.argsort(-facts.n_ratings, kind="stable"), order, assume_unique=True)
    unknown = np.full(len(rest), np.nan)
    return Ranking(np.concatenate([order, rest]), np.concatenate([gains, unknown]))
