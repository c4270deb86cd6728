"""Items chosen one after the other, each for what it adds to those before."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.analysis.elicitation.prior import Array, UserPrior
from fivestar.ratings import Indices, observed

MAX_USERS = 2000
"""Users whose errors are looked at."""


class Beliefs(Protocol):
    """What is known of users while they are asked for some of the candidates."""

    candidates: Indices

    def gains(self) -> Array:
        """By how much the mean squared error falls by asking for each candidate."""

    def ask(self, candidate: int) -> None:
        """Ask for the candidate with this index among the candidates."""


def choose(beliefs: Beliefs, n: int) -> tuple[Indices, Array]:
    """Up to n of the candidates in the order in which each gains most, and the gains."""
    left = np.ones(len(beliefs.candidates), dtype=bool)
    order, gains = [], []
    for _ in range(min(n, len(left))):
        gain = np.where(left, beliefs.gains(), -np.inf)
        best = int(np.argmax(gain))
        order.append(best)
        gains.append(gain[best])
        left[best] = False
        beliefs.ask(best)
    return beliefs.candidates[order], np.array(gains)


class ExpectedVariance:
    r"""Bayesian experimental design: the answers shall tell the most of all other ratings.

    With S the covariance of a user's t given what was asked so far and C = sum_i w_i d_i d_i'
    (A-optimality), the variance of the user's predictions is tr(C S). A question for item j
    is answered with probability p_j, so it tells p_j d_j d_j' / noise, and by Sherman and
    Morrison

        gain_j = q d_j' S C S d_j / (1 + q d_j' S d_j),  q = p_j / noise.

    What is alike tells the same, so near duplicates are left out by themselves. (Chaloner,
    Verdinelli, "Bayesian Experimental Design: A Review", 1995.)

    Parameters
    ----------
    probability
        (n_items,) p, that a user knows the item.
    weights
        (n_items,) w, how much its prediction counts.
    candidates
        Indices of the items to choose from.
    """

    def __init__(
        self,
        prior: UserPrior,
        probability: Array,
        weights: NDArray[np.number],
        candidates: Indices,
    ) -> None:
        self.candidates = candidates
        self.precision = probability[candidates] / prior.noise
        self.design = prior.design[candidates]
        self.importance = prior.design.T @ (prior.design * (weights / weights.sum())[:, None])
        self.covariance = prior.covariance.copy()

    def gains(self) -> Array:
        seen = self.design @ self.covariance
        variance = np.sum(seen * self.design, axis=1)
        told = np.sum((seen @ self.importance) * seen, axis=1)
        gains: Array = self.precision * told / (1 + self.precision * variance)
        return gains

    def ask(self, candidate: int) -> None:
        design, precision = self.design[candidate], self.precision[candidate]
        seen = self.covariance @ design
        self.covariance -= precision / (1 + precision * design @ seen) * np.outer(seen, seen)


class RealizedError:
    r"""GreedyExtend: the next item is the one that would have helped the users there are.

    Everyone starts at t ~ N(mean, covariance) and is asked; those who rated the item update
    their t with their rating. Chosen is the item after which the squared errors on all other
    ratings of all users sum to the least. It tells by itself how many know the item, and how
    much their answers say. (Golbandi, Koren, Lempel, "On Bootstrapping Recommender Systems",
    CIKM 2010; there the error is that of the means of users who answered alike.)

    Parameters
    ----------
    ratings
        Users x items; of ``MAX_USERS`` at the most, drawn with the seed.
    candidates
        Indices of the items to choose from.

    Attributes
    ----------
    rated : (n_users, n_candidates) whether there is a rating that was not yet asked for
    errors : (n_users, n_candidates) rating less prediction, where there is one
    covariance : (n_users, size, size) S_u of t
    moments : (n_users, size) h_u = sum of d_i times the error, over ratings not yet asked for
    grams : (n_users, size, size) C_u = sum of d_i d_i' over the same ratings
    variance, told : (n_users, n_candidates) d' S d and d' S C S d
    """

    def __init__(
        self, prior: UserPrior, ratings: sparse.csr_array, candidates: Indices, seed: int
    ) -> None:
        users = np.flatnonzero(np.diff(ratings.indptr))
        if len(users) > MAX_USERS:
            random = np.random.default_rng(seed)
            users = np.sort(random.choice(users, MAX_USERS, replace=False))
        ratings = ratings[users]
        self.candidates = candidates
        self.noise, self.n_ratings = prior.noise, ratings.nnz
        self.design = prior.design[candidates]
        _, items, values = observed(ratings)
        errors = values - (prior.base + prior.design @ prior.mean)[items]

        def of_candidates(entries: Array) -> Array:
            matrix = sparse.csr_array((entries, ratings.indices, ratings.indptr), ratings.shape)
            dense: Array = matrix[:, candidates].toarray()
            return dense

        self.rated = of_candidates(np.ones(len(items))) > 0
        self.errors = of_candidates(errors)
        designs = np.split(prior.design[items], ratings.indptr[1:-1])
        by_user = zip(designs, np.split(errors, ratings.indptr[1:-1]), strict=True)
        self.moments: Array = np.stack([design.T @ error for design, error in by_user])
        self.grams = np.stack([design.T @ design for design in designs])
        self.covariance = np.tile(prior.covariance, (len(users), 1, 1))
        self.variance, self.told = np.empty(self.errors.shape), np.empty(self.errors.shape)
        self._update(np.arange(len(users)))

    def gains(self) -> Array:
        step = self.errors / (self.noise + self.variance)
        moves = np.einsum("ukl,ul->uk", self.covariance, self.moments) @ self.design.T
        # The item itself is no longer predicted then.
        falls = 2 * step * (moves - self.errors * self.variance)
        falls -= step**2 * (self.told - self.variance**2)
        gains: Array = falls.sum(axis=0, where=self.rated) / self.n_ratings
        return gains

    def ask(self, candidate: int) -> None:
        who = np.flatnonzero(self.rated[:, candidate])
        design, error = self.design[candidate], self.errors[who, candidate]
        self.moments[who] -= error[:, None] * design
        self.grams[who] -= np.outer(design, design)
        self.rated[who, candidate] = False
        seen = self.covariance[who] @ design
        total = self.noise + seen @ design
        moved = seen * (error / total)[:, None]
        self.moments[who] -= np.einsum("ukl,ul->uk", self.grams[who], moved)
        self.errors[who] -= moved @ self.design.T
        self.covariance[who] -= seen[:, :, None] * (seen / total[:, None])[:, None, :]
        self._update(who)

    def _update(self, users: Indices) -> None:
        """Bring ``variance`` and ``told`` of these users up to date."""
        for user in users:
            seen = self.design @ self.covariance[user]
            self.variance[user] = np.sum(seen * self.design, axis=1)
            self.told[user] = np.sum((seen @ self.grams[user]) * seen, axis=1)
