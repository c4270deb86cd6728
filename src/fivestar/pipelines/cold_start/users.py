"""How well held-out users are predicted after so many answers, or questions."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import pandas as pd

from fivestar.analysis.elicitation.interviews import HeldOut, Interview, hold_out
from fivestar.analysis.elicitation.prior import UserPrior
from fivestar.analysis.elicitation.ranking import STRATEGIES, rank
from fivestar.errors import InputError
from fivestar.failure import Failure, surviving
from fivestar.models import Model
from fivestar.pipelines.cold_start.models import Blocks
from fivestar.pipelines.cold_start.settings import ColdStartSettings
from fivestar.pipelines.fitting import fit_and_refit
from fivestar.ratings import TrainingData

logger = logging.getLogger(__name__)

MIN_USERS = 5
"""Users whose errors make a figure."""
QUESTIONS = range(0, 101, 5)
"""Lengths of questionnaires that strategies are compared at."""
TOLD = (0, 1, 3, 5, 10)
"""Numbers of answers that the log and MLflow tell of."""

Interviews = dict[str, Interview]
"""By strategy."""


def hold_out_users(data: TrainingData, settings: ColdStartSettings) -> tuple[HeldOut, TrainingData]:
    """Users of whom the models learn nothing, and the data of the others.

    Raises
    ------
    InputError
        If too few have enough ratings.
    """
    held_out = hold_out(
        data.ratings,
        fraction=settings.held_out_share,
        min_ratings=settings.min_ratings,
        max_users=settings.max_users,
        seed=settings.seed,
    )
    others = data.of_users(held_out.others)
    enough = int((np.diff(data.ratings.indptr) >= settings.min_ratings).sum())
    n_users = len(held_out.users)
    if n_users < MIN_USERS or not others.train.nnz:
        raise InputError(
            f"cold_start: {enough:,} users have {settings.min_ratings} ratings or more, and "
            f"{n_users:,} would be held out; {MIN_USERS} are needed, and others to learn from. "
            "Lower `cold_start.min_ratings` (and `n_answers`, to half of it at the most), or "
            "change `cold_start.held_out_share` and `max_users`."
        )
    logger.info(
        "cold start: %s users held out, of %s with %d ratings or more; %s targets",
        *(f"{n_users:,}", f"{enough:,}", settings.min_ratings, f"{held_out.targets.nnz:,}"),
    )
    return held_out, others


def ask_users(
    held_out: HeldOut, others: TrainingData, prior: UserPrior, settings: ColdStartSettings
) -> Interviews:
    """What the held-out users answer to every strategy's questions, chosen from the others."""
    rankings = {name: rank(name, others.ratings, prior, settings.seed) for name in STRATEGIES}
    return {name: Interview(held_out, ranking.items) for name, ranking in rankings.items()}


def compare_strategies(
    factor_model: Model, interviews: Interviews, settings: ColdStartSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The errors of the factor model, by strategy: after so many answers, and questions.

    Both tables have ``model``, ``strategy`` and the columns of ``Interview``.
    """
    answers, questions = {}, {}
    for strategy, interview in interviews.items():
        key = settings.factor_model, strategy
        answers[key] = interview.by_answers(factor_model, settings.n_answers)
        questions[key] = interview.by_questions(factor_model, QUESTIONS)
        last = questions[key].iloc[-1]
        logger.info(
            "%s: %d questions, %.1f answers: RMSE %.4f",
            *(strategy, last["questions"], last["mean_answers"], last["rmse"]),
        )
    return _together(answers), _together(questions)


def measure_models(
    others: TrainingData,
    interviews: Interviews,
    strategy_errors: pd.DataFrame,
    blocks: Blocks,
    settings: ColdStartSettings,
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The error of every model after each answer to the questionnaire.

    Returns
    -------
    errors
        Every model with one strategy, and the factor model with every strategy.
    runs
        A record for each model, as ``tracking`` logs it.

    Raises
    ------
    InputError
        If every model failed.
    """

    @surviving
    def measure(*, label: str) -> pd.DataFrame:
        model = fit_and_refit(blocks[label], others, label=label)
        return interviews[settings.strategy].by_answers(model, settings.n_answers)

    errors: dict[tuple[str, str], pd.DataFrame] = {}
    runs = []
    for name in settings.models:
        started = time.time()
        table = measure(label=name)
        runs.append(_record(name, blocks[name], settings, table, started))
        if not isinstance(table, Failure):
            errors[name, settings.strategy] = table
            told = table[table["answers"].isin(TOLD)]
            logger.info(
                "%s: RMSE after %s answers: %s",
                *(name, ", ".join(f"{n}" for n in told["answers"])),
                ", ".join(f"{error:.4f}" for error in told["rmse"]),
            )
    if not errors:
        reasons = "; ".join(f"{run['tags']['predictor']}: {run['failure']}" for run in runs)
        raise InputError(f"cold_start: every model failed, nothing to compare. {reasons}")
    both = pd.concat([_together(errors), strategy_errors])
    return both.drop_duplicates(["model", "strategy", "answers"], ignore_index=True), runs


def _together(tables: dict[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """One table of those by model and strategy."""
    return pd.concat(tables, names=["model", "strategy"]).droplevel(-1).reset_index()


def _record(
    name: str,
    block: dict[str, Any],
    settings: ColdStartSettings,
    table: pd.DataFrame | Failure,
    started: float,
) -> dict[str, Any]:
    """A run as ``tracking`` logs it."""
    metrics: dict[str, float] = {}
    curve: list[float] = []
    if not isinstance(table, Failure):
        curve = table["rmse"].tolist()
        metrics = {f"rmse_after_{n}": curve[n] for n in TOLD if n < len(curve)}
        metrics |= {column: int(table[column].iloc[0]) for column in ("n_users", "n_targets")}
    reported = {"strategy", "held_out_share", "min_ratings", "max_users", "seed"}
    return {
        "name": f"cold_start-{name}",
        "model": "cold_start",
        "tags": {"predictor": name, "strategy": settings.strategy},
        "parameters": {**block, "cold_start": settings.model_dump(include=reported)},
        "metrics": metrics,
        "curves": {"rmse_by_answers": curve},
        "failure": table.reason if isinstance(table, Failure) else None,
        "started": started,
        "ended": time.time(),
    }
