"""People held out, to see how well strangers are predicted after a few answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fivestar.metrics import rmse
from fivestar.models import Model
from fivestar.ratings import Positions, csr_matrix, observed


@dataclass(frozen=True)
class HeldOut:
    """People of whom a model learns nothing, and the others.

    Attributes
    ----------
    people, others : positions of users, rising
    pool, targets
        (n_people, n_items) ratings of the people: those that they can answer with, and those
        that are predicted
    """

    people: Positions
    others: Positions
    pool: sparse.csr_array
    targets: sparse.csr_array


def hold_out(
    ratings: sparse.csr_array, *, share: float, least: int, most: int, seed: int
) -> HeldOut:
    """A random share of the users; half of each one's ratings, at random, are targets.

    Parameters
    ----------
    ratings
        Users x items.
    share
        Of the users with enough ratings.
    least
        Ratings that are enough.
    most
        People at the most.
    seed
        Of both choices.
    """
    random = np.random.default_rng(seed)
    counts = np.diff(ratings.indptr)
    enough = np.flatnonzero(counts >= least)
    people = np.sort(random.choice(enough, min(most, round(share * len(enough))), replace=False))
    others = np.setdiff1d(np.flatnonzero(counts), people)
    held_out = ratings[people]
    rows, items, stars = observed(held_out)
    in_pool = _place_in_row(rows, random.random(len(rows))) < (counts[people] // 2)[rows]
    pool, targets = (
        csr_matrix(rows[part], items[part], stars[part], held_out.shape)
        for part in (in_pool, ~in_pool)
    )
    return HeldOut(people, others, pool, targets)


class Interview:
    """People who are asked for one item after the other and answer for those that they know.

    Parameters
    ----------
    pool
        (n_people, n_items) ratings that they can answer with.
    ranking
        Positions of all items in the order in which they are asked for.

    Attributes
    ----------
    rows, items, stars : of all answers, each person's in order
    nth : which of the person's answers each is, from 0
    question : which question it answers, from 1
    """

    def __init__(self, pool: sparse.csr_array, ranking: Positions) -> None:
        self.shape = pool.shape
        rows, items, stars = observed(pool)
        place = np.empty(pool.shape[1], dtype=np.intp)
        place[ranking] = np.arange(len(ranking))
        self.rows, self.items, self.stars = rows, items, stars
        self.question = place[items] + 1
        self.nth = _place_in_row(rows, self.question)

    def after_answers(self, n: int) -> sparse.csr_array:
        """The first n answers of everyone, (n_people, n_items)."""
        return self._only(self.nth < n)

    def after_questions(self, n: int) -> sparse.csr_array:
        """All answers to the first n questions, (n_people, n_items)."""
        return self._only(self.question <= n)

    def questions_until(self, n: int) -> NDArray[np.intp]:
        """Questions that it took until the n-th answer, of those who have that many."""
        questions: NDArray[np.intp] = self.question[self.nth == n - 1]
        return questions

    def _only(self, chosen: NDArray[np.bool_]) -> sparse.csr_array:
        return csr_matrix(self.rows[chosen], self.items[chosen], self.stars[chosen], self.shape)


def error_after(model: Model, answers: sparse.csr_array, targets: sparse.csr_array) -> float:
    """RMSE on the targets, (n_people, n_items), of people folded in by their answers, stars."""
    rows, items, stars = observed(targets)
    return rmse(stars, model.fold_in(answers).predict(rows, items))


def _place_in_row(rows: Positions, keys: NDArray) -> NDArray[np.intp]:
    """Place of each entry within its row, by rising keys; rows come one after the other."""
    order = np.lexsort((keys, rows))
    place = np.empty(len(rows), dtype=np.intp)
    place[order] = np.arange(len(rows)) - np.searchsorted(rows, rows)[order]
    return place
