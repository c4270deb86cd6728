"""Items chosen one after the other, each for what it adds to those before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.elicitation.taste import Array, Taste
from fivestar.ratings import Positions, observed

LONGEST = 100
"""Items that are chosen one by one; no one answers longer lists."""
CANDIDATES = 400
"""Items to choose from, the best known: hardly anyone can answer for others."""
PEOPLE = 2000
"""People whose errors are looked at."""

Chosen = tuple[Positions, Array]
"""Positions of items in order, and the fall of the mean squared error that each is chosen for."""


def least_expected_variance(
    taste: Taste, share: Array, weights: Array, candidates: Positions, n: int
) -> Chosen:
    r"""Bayesian experimental design: the answers shall tell the most of all other ratings.

    With S the covariance of a person's t given what was asked so far and C = sum_i w_i d_i d_i'
    (A-optimality), the variance of the person's predictions is tr(C S). A question for item j
    is answered by the share p_j, so it tells p_j d_j d_j' / noise, and by Sherman and Morrison

        gain_j = q d_j' S C S d_j / (1 + q d_j' S d_j),  q = p_j / noise.

    What is alike tells the same, so near duplicates are left out by themselves. (Chaloner,
    Verdinelli, "Bayesian Experimental Design: A Review", 1995.)

    Parameters
    ----------
    taste
        What is believed of a person before.
    share
        (n_items,) p, how likely it is that a person knows the item.
    weights
        (n_items,) w, how much its prediction counts.
    candidates
        Positions of the items to choose from.
    n
        How many.
    """
    known = share[candidates] / taste.noise
    design = taste.design[candidates]
    weighted = taste.design * (weights / weights.sum())[:, None]
    importance = taste.design.T @ weighted
    covariance = taste.covariance.copy()
    left = np.ones(len(candidates), dtype=bool)
    order, gains = [], []
    for _ in range(min(n, len(candidates))):
        seen = design @ covariance
        variance = np.sum(seen * design, axis=1)
        gain = known * np.sum((seen @ importance) * seen, axis=1) / (1 + known * variance)
        best = int(np.argmax(np.where(left, gain, -np.inf)))
        order.append(best)
        gains.append(gain[best])
        left[best] = False
        shrink = known[best] / (1 + known[best] * variance[best])
        covariance -= shrink * np.outer(seen[best], seen[best])
    return candidates[order], np.array(gains)


def least_error(
    taste: Taste, ratings: sparse.csr_array, candidates: Positions, n: int, seed: int
) -> Chosen:
    r"""GreedyExtend: the next item is the one that would have helped the people there are.

    Everyone starts at t ~ N(mean, covariance) and is asked; those who rated the item update
    their t with their rating. Chosen is the item after which the squared errors on all other
    ratings of all people sum to the least. It tells by itself how many know the item, and how
    much their answers say. (Golbandi, Koren, Lempel, "On Bootstrapping Recommender Systems",
    CIKM 2010; there the error is that of the means of people who answered alike.)

    Parameters
    ----------
    taste
        What is believed of a person before.
    ratings
        Users x items, of the people there are.
    candidates
        Positions of the items to choose from.
    n
        How many.
    seed
        Of the choice of people where there are more than ``PEOPLE``.
    """
    state = _Beliefs(taste, _some(ratings, seed), candidates)
    left = np.ones(len(candidates), dtype=bool)
    order, gains = [], []
    for _ in range(min(n, len(candidates))):
        gain = state.gains()
        best = int(np.argmax(np.where(left, gain, -np.inf)))
        order.append(best)
        gains.append(gain[best])
        left[best] = False
        state.ask(best)
    return candidates[order], np.array(gains)


class _Beliefs:
    """What is believed of each person's t while they are asked, and the errors left.

    Attributes
    ----------
    rated : (n_people, n_candidates) whether there is a rating, not yet told
    errors : (n_people, n_candidates) rating less prediction, where there is one
    covariance : (n_people, size, size) S_u of t
    moments : (n_people, size) h_u = sum of d_i times the error, over ratings not yet told
    grams : (n_people, size, size) C_u = sum of d_i d_i' over the same ratings
    variance, spread : (n_people, n_candidates) d' S d and d' S C S d
    """

    def __init__(self, taste: Taste, ratings: sparse.csr_array, candidates: Positions) -> None:
        self.noise, self.n_ratings = taste.noise, ratings.nnz
        self.design = taste.design[candidates]
        _, items, stars = observed(ratings)
        self.rated = _with_values(ratings, np.ones(len(items)))[:, candidates].toarray() > 0
        errors = _with_values(ratings, stars - (taste.base + taste.design @ taste.mean)[items])
        self.moments: Array = errors @ taste.design
        self.errors: Array = errors[:, candidates].toarray()
        rows = np.split(taste.design[items], ratings.indptr[1:-1])
        self.grams = np.stack([designs.T @ designs for designs in rows])
        self.covariance = np.tile(taste.covariance, (ratings.shape[0], 1, 1))
        self.variance, self.spread = np.empty(self.errors.shape), np.empty(self.errors.shape)
        self._look(np.arange(ratings.shape[0]))

    def gains(self) -> Array:
        """Fall of the mean squared error of all ratings by asking for each candidate."""
        step = self.errors / (self.noise + self.variance)
        tells = np.einsum("ukl,ul->uk", self.covariance, self.moments) @ self.design.T
        # The item itself is told then, and no longer predicted.
        fall = 2 * step * (tells - self.errors * self.variance)
        fall -= step**2 * (self.spread - self.variance**2)
        total: Array = fall.sum(axis=0, where=self.rated) / self.n_ratings
        return total

    def ask(self, candidate: int) -> None:
        """Everyone who rated the candidate tells the rating."""
        who = np.flatnonzero(self.rated[:, candidate])
        item, error = self.design[candidate], self.errors[who, candidate]
        self.moments[who] -= error[:, None] * item
        self.grams[who] -= np.outer(item, item)
        self.rated[who, candidate] = False
        seen = self.covariance[who] @ item
        total = self.noise + seen @ item
        moved = seen * (error / total)[:, None]
        self.moments[who] -= np.einsum("ukl,ul->uk", self.grams[who], moved)
        self.errors[who] -= moved @ self.design.T
        self.covariance[who] -= seen[:, :, None] * (seen / total[:, None])[:, None, :]
        self._look(who)

    def _look(self, who: NDArray[np.intp]) -> None:
        """Bring ``variance`` and ``spread`` of these people up to date."""
        for person in who:
            seen = self.design @ self.covariance[person]
            self.variance[person] = np.sum(seen * self.design, axis=1)
            self.spread[person] = np.sum((seen @ self.grams[person]) * seen, axis=1)


def _with_values(ratings: sparse.csr_array, values: Array) -> sparse.csr_array:
    return sparse.csr_array((values, ratings.indices, ratings.indptr), shape=ratings.shape)


def _some(ratings: sparse.csr_array, seed: int) -> sparse.csr_array:
    """At most ``PEOPLE`` of the users with ratings."""
    people = np.flatnonzero(np.diff(ratings.indptr))
    if len(people) > PEOPLE:
        people = np.sort(np.random.default_rng(seed).choice(people, PEOPLE, replace=False))
    return ratings[people]
