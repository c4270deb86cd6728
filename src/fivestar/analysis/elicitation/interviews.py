"""Held-out users, and how well they are predicted after a few answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.metrics import rmse
from fivestar.models import Model
from fivestar.ratings import Indices, csr_matrix, observed


@dataclass(frozen=True)
class HeldOut:
    """Users of whom a model learns nothing, and the others.

    Attributes
    ----------
    users, others : indices of all users with ratings, rising
    answers, targets
        (n_users, n_items) ratings of the held-out users: those that they can answer with, and
        those that are predicted.
    """

    users: Indices
    others: Indices
    answers: sparse.csr_array
    targets: sparse.csr_array


def hold_out(
    ratings: sparse.csr_array, *, fraction: float, min_ratings: int, max_users: int, seed: int
) -> HeldOut:
    """A random fraction of the users; half of each one's ratings, at random, are targets.

    Parameters
    ----------
    ratings
        Users x items.
    fraction
        Of the users with ``min_ratings`` or more; ``max_users`` of these at the most.
    """
    random = np.random.default_rng(seed)
    counts = np.diff(ratings.indptr)
    eligible = np.flatnonzero(counts >= min_ratings)
    n_users = min(max_users, round(fraction * len(eligible)))
    users = np.sort(random.choice(eligible, n_users, replace=False))
    others = np.setdiff1d(np.flatnonzero(counts), users)
    rows, items, values = observed(ratings[users])
    rank = pd.Series(random.random(len(rows))).groupby(rows).rank().to_numpy()
    answered = rank <= (counts[users] // 2)[rows]
    answers, targets = (
        csr_matrix(rows[half], items[half], values[half], (n_users, ratings.shape[1]))
        for half in (answered, ~answered)
    )
    return HeldOut(users, others, answers, targets)


class Interview:
    """Held-out users are asked for one item after the other and answer for those they rated.

    Parameters
    ----------
    order
        Indices of all items in the order in which they are asked for.

    Attributes
    ----------
    given
        One row an answer: ``user``, ``item``, ``rating``, ``question`` (which one it answers)
        and ``answer`` (which of the user's it is), both from 1.
    """

    def __init__(self, held_out: HeldOut, order: Indices) -> None:
        self.held_out = held_out
        users, items, ratings = observed(held_out.answers)
        columns = {"user": users, "item": items, "rating": ratings}
        self.given = pd.DataFrame({**columns, "question": np.argsort(order)[items] + 1})
        self.given["answer"] = self.given.groupby("user")["question"].rank().astype(int)

    def answers(self, *, questions: float = np.inf, answers: float = np.inf) -> sparse.csr_array:
        """Those to so many questions, and so many of each user, (n_users, n_items)."""
        given = self.given.query("question <= @questions and answer <= @answers")
        users, items, ratings = (given[name].to_numpy() for name in ("user", "item", "rating"))
        return csr_matrix(users, items, ratings, self.held_out.answers.shape)

    def by_answers(self, model: Model, n: int) -> pd.DataFrame:
        """The error on all targets after exactly 0, 1, ..., n answers of every user.

        Returns
        -------
        ``answers``, ``rmse``, ``n_users``, ``n_targets``, and the mean and median number of
        questions that it took, ``mean_questions`` and ``median_questions``.
        """
        table = pd.DataFrame({"answers": range(n + 1)})
        errors = [self._error(model, self.answers(answers=k)) for k in table["answers"]]
        questions = self.given.groupby("answer")["question"]
        return table.assign(
            rmse=errors,
            n_users=len(self.held_out.users),
            n_targets=self.held_out.targets.nnz,
            mean_questions=questions.mean().reindex(table["answers"], fill_value=0).round(1),
            median_questions=questions.median().reindex(table["answers"], fill_value=0),
        )

    def by_questions(self, model: Model, lengths: Iterable[int]) -> pd.DataFrame:
        """``questions``, ``mean_answers`` of a user, ``rmse``: not everyone can answer each."""
        given = {n: self.answers(questions=n) for n in lengths}
        n_users = len(self.held_out.users)
        rows = [(n, round(g.nnz / n_users, 2), self._error(model, g)) for n, g in given.items()]
        return pd.DataFrame(rows, columns=["questions", "mean_answers", "rmse"])

    def _error(self, model: Model, answers: sparse.csr_array) -> float:
        users, items, ratings = observed(self.held_out.targets)
        return rmse(ratings, model.fold_in(answers).predict(users, items))
