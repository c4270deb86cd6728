"""What the page needs to choose its questions by, after each answer anew."""

from __future__ import annotations

from typing import Any

import numpy as np

from fivestar.analysis.elicitation.greedy import ExpectedVariance
from fivestar.analysis.elicitation.prior import UserPrior
from fivestar.analysis.elicitation.ranking import MAX_CANDIDATES
from fivestar.models.row_systems import JITTER
from fivestar.models.solver import UserRegression
from fivestar.pipelines.try_page.packing import packed
from fivestar.ratings import Counts

RANK = 64
"""Directions of taste that questions are chosen by, at the most."""
USUAL = 10
"""Ratings of a user whose penalty is taken."""


def beliefs_of(regression: UserRegression, n_ratings: Counts, n_users: int) -> ExpectedVariance:
    """What the regression expects of a user before the first answer.

    Its penalty is the precision of their unknowns where the noise of a rating is 1. Candidates
    are the items that most users rated, as in ``fivestar.analysis.elicitation.ranking``.
    """
    penalty = np.maximum(regression.penalty[min(USUAL, len(regression.penalty) - 1)], JITTER)
    prior = UserPrior(
        base=regression.base.astype(np.float64),
        design=regression.design.astype(np.float64),
        mean=np.zeros(len(penalty)),
        covariance=np.diag(1 / penalty),
        noise=1.0,
    )
    candidates = np.argsort(-n_ratings, kind="stable")[:MAX_CANDIDATES]
    return ExpectedVariance(prior, n_ratings / n_users, n_ratings, candidates)


def question_data(beliefs: ExpectedVariance) -> dict[str, Any]:
    """The same for the page: a user's unknowns are turned and cut to the main directions.

    With x = basis z, all of z are of variance 1 and the importance of the predictions is a
    diagonal matrix; directions are kept in the order of it.

    Returns
    -------
    ``basis``, (size, rank) as text; ``importance``, (rank,); ``candidates`` and the ``precision``
    of their answers, as in ``ExpectedVariance``.
    """
    root = np.sqrt(np.diag(beliefs.covariance))
    values, vectors = np.linalg.eigh(root[:, None] * beliefs.importance * root)
    kept = np.argsort(-values)[:RANK]
    return {
        "basis": packed(root[:, None] * vectors[:, kept]),
        "importance": values[kept].tolist(),
        "candidates": beliefs.candidates.tolist(),
        "precision": beliefs.precision.round(6).tolist(),
    }
