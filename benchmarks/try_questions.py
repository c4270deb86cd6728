"""What the questions of the page to try bring, beside questionnaires that are the same for all.

    python benchmarks/try_questions.py [--model als] [--divisions 4]

After `make run`. As in `kedro run --pipelines cold_start` a fifth of the users is held out, half
of their ratings are answers, half are predicted, by a model fitted on the others. ``adaptive``
is asked as in the page: after each answer, or "I don't know it", the next question is chosen
anew. Printed are means over several divisions of the users: RMSE after so many questions, and how
many of them were answered; then the standard error of the difference from ``greedy_extend``.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from fivestar.analysis.elicitation.interviews import HeldOut, Interview
from fivestar.analysis.elicitation.prior import UserPrior
from fivestar.analysis.elicitation.ranking import rank
from fivestar.metrics import rmse
from fivestar.models import Model
from fivestar.pipelines.cold_start.settings import ColdStartSettings
from fivestar.pipelines.cold_start.users import hold_out_users
from fivestar.pipelines.fitting import fit_and_refit
from fivestar.pipelines.try_page.choosing import regression_of
from fivestar.pipelines.try_page.questions import beliefs_of
from fivestar.ratings import Indices, TrainingData, csr_matrix, observed

ROOT = Path(__file__).parents[1]
LENGTHS = (10, 30, 50)
FIXED = ("popular", "greedy", "greedy_extend")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="als")
    parser.add_argument("--divisions", type=int, default=4)
    asked = parser.parse_args()
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT) as session:
        context = session.load_context()
        data: TrainingData = context.catalog.load("training_data")
        parameters = context.config_loader["parameters"]
    figures = []
    for seed in range(1, asked.divisions + 1):
        settings = ColdStartSettings(**{**parameters["cold_start"], "seed": seed})
        held_out, others = hold_out_users(data, settings)
        model = fit_and_refit(
            {**parameters["models"][asked.model], "bias_fallback": False}, others, label=asked.model
        )
        figures.append(errors_of(model, held_out, others))
    table = np.array(figures)  # division, strategy, length, (RMSE, answers)
    differences = table[..., 0] - table[:, -2:-1, :, 0]
    errors = differences.std(axis=0, ddof=1) / np.sqrt(len(table))
    for at, name in enumerate((*FIXED, "adaptive")):
        told = [
            f"{n}: {score:.4f} ({answers:.1f} answers; {error:.4f})"
            for n, (score, answers), error in zip(
                LENGTHS, table.mean(axis=0)[at], errors[at], strict=True
            )
        ]
        print(f"{name:15}", *told, sep="  ")


def errors_of(
    model: Model, held_out: HeldOut, others: TrainingData
) -> list[list[tuple[float, float]]]:
    """By strategy and number of questions: RMSE, and the mean number of answers."""
    prior = UserPrior.of(model, others.ratings)
    rows = []
    for name in FIXED:
        interview = Interview(held_out, rank(name, others.ratings, prior).items)
        rows.append([error_after(model, held_out, interview.answers(questions=n)) for n in LENGTHS])
    lists = adaptive_questions(model, held_out, others)
    users, items, ratings = observed(held_out.answers)
    own = []
    for n in LENGTHS:
        was_asked = np.array([i in lists[u][:n] for u, i in zip(users, items, strict=True)])
        given = csr_matrix(
            users[was_asked], items[was_asked], ratings[was_asked], held_out.answers.shape
        )
        own.append(error_after(model, held_out, given))
    return [*rows, own]


def adaptive_questions(model: Model, held_out: HeldOut, others: TrainingData) -> list[Indices]:
    """Items that each held-out user is asked for, in their order."""
    regression = regression_of(model)
    assert regression is not None
    n_users = len(others.vocabulary.users)
    start = beliefs_of(regression, others.n_ratings.to_numpy(), n_users)
    lists = []
    for user in range(len(held_out.users)):
        known = set(held_out.answers[[user]].indices.tolist())
        beliefs = copy.copy(start)
        beliefs.covariance, beliefs.precision = start.covariance.copy(), start.precision.copy()
        left, order = np.ones(len(start.candidates), dtype=bool), []
        for _ in range(max(LENGTHS)):
            best = int(np.argmax(np.where(left, beliefs.gains(), -np.inf)))
            left[best] = False
            order.append(int(start.candidates[best]))
            if order[-1] in known:
                beliefs.precision[best] = 1
            beliefs.ask(best)
        lists.append(np.array(order))
    return lists


def error_after(model: Model, held_out: HeldOut, given: object) -> tuple[float, float]:
    users, items, ratings = observed(held_out.targets)
    error = rmse(ratings, model.fold_in(given).predict(users, items))
    return error, given.nnz / len(held_out.users)


if __name__ == "__main__":
    main()
