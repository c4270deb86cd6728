"""How well people are predicted after so many answers, or questions."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import pandas as pd

from fivestar.analysis.elicitation.people import HeldOut, Interview, error_after
from fivestar.errors import InputError
from fivestar.failure import Failure, surviving
from fivestar.models import Model
from fivestar.pipelines.newcomers.asking import Rankings
from fivestar.pipelines.newcomers.fitting import Data
from fivestar.pipelines.newcomers.settings import NewcomersSettings

logger = logging.getLogger(__name__)

QUESTIONS = range(0, 101, 5)
"""Lengths of questionnaires that strategies are compared at."""
TOLD = (0, 1, 3, 5, 10)
"""Numbers of answers that the log and MLflow tell of."""
ERRORS = [
    *("model", "strategy", "answers", "rmse", "n_people", "n_targets"),
    *("mean_questions", "median_questions"),
]


def measure_models(
    data: Data, people: HeldOut, rankings: Rankings, settings: NewcomersSettings
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The error of every model after each answer to the questionnaire.

    Returns
    -------
    errors
        As ``ERRORS``: the same targets after 0, 1, ... answers, and the questions it took.
    runs
        A record for each model, as ``tracking`` logs it.

    Raises
    ------
    InputError
        If every model failed.
    """
    others, strategy = data.of_users(people.others), settings.strategy
    interview = Interview(people.pool, rankings[strategy].items)
    tables, runs = [], []
    for name in settings.models:
        started = time.time()
        table = _measure(others, interview, people, settings, label=name)
        runs.append(_record(name, data.blocks[name], settings, table, started))
        if not isinstance(table, Failure):
            tables.append(table)
            told = table[table["answers"].isin(TOLD)]
            logger.info(
                "%-24s RMSE after %s answers: %s",
                *(name, ", ".join(f"{n}" for n in told["answers"])),
                ", ".join(f"{error:.4f}" for error in told["rmse"]),
            )
    if not tables:
        reasons = "; ".join(f"{run['tags']['predictor']}: {run['failure']}" for run in runs)
        raise InputError(f"newcomers: every model failed, nothing to compare. {reasons}")
    return pd.concat(tables, ignore_index=True), runs


@surviving
def _measure(
    others: Data,
    interview: Interview,
    people: HeldOut,
    settings: NewcomersSettings,
    *,
    label: str,
) -> pd.DataFrame:
    return by_answers(others.fit(label), interview, people, settings, label, settings.strategy)


def compare_strategies(
    model: Model, people: HeldOut, rankings: Rankings, settings: NewcomersSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The error of one model, by strategy.

    Returns
    -------
    errors
        As ``ERRORS``.
    errors_by_questions
        ``model``, ``strategy``, ``questions``, ``mean_answers``, ``rmse``: people answer those
        of the questions that they can.
    """
    name = settings.factor_model
    answers, questions = [], []
    for strategy, ranking in rankings.items():
        interview = Interview(people.pool, ranking.items)
        answers.append(by_answers(model, interview, people, settings, name, strategy))
        for n in QUESTIONS:
            given = interview.after_questions(n)
            mean = round(given.nnz / len(people.people), 2)
            error = error_after(model, given, people.targets)
            questions.append((name, strategy, n, mean, error))
        logger.info("%-24s %d questions, %.1f answers: RMSE %.4f", strategy, n, mean, error)
    columns = ["model", "strategy", "questions", "mean_answers", "rmse"]
    return pd.concat(answers, ignore_index=True), pd.DataFrame(questions, columns=columns)


def by_answers(
    model: Model,
    interview: Interview,
    people: HeldOut,
    settings: NewcomersSettings,
    name: str,
    strategy: str,
) -> pd.DataFrame:
    """RMSE on all targets after exactly 0, 1, ... answers of everyone; as ``ERRORS``."""
    rows = []
    for n in range(settings.n_answers + 1):
        error = error_after(model, interview.after_answers(n), people.targets)
        asked = interview.questions_until(n) if n else np.zeros(1)
        effort = round(float(asked.mean()), 1), float(np.median(asked))
        rows.append((name, strategy, n, error, len(people.people), people.targets.nnz, *effort))
    return pd.DataFrame(rows, columns=ERRORS)


def collect_errors(of_models: pd.DataFrame, of_strategies: pd.DataFrame) -> pd.DataFrame:
    """Every model with one strategy, and one model with every strategy; each once."""
    both = pd.concat([of_models, of_strategies], ignore_index=True)
    return both.drop_duplicates(["model", "strategy", "answers"], ignore_index=True)


def _record(
    name: str,
    block: dict[str, Any],
    settings: NewcomersSettings,
    table: pd.DataFrame | Failure,
    started: float,
) -> dict[str, Any]:
    """A run as ``tracking`` logs it."""
    metrics: dict[str, float] = {}
    curve: list[float] = []
    if not isinstance(table, Failure):
        curve = table["rmse"].tolist()
        metrics = {f"rmse_after_{n}": curve[n] for n in TOLD if n < len(curve)}
        metrics |= {column: int(table[column].iloc[0]) for column in ("n_people", "n_targets")}
    return {
        "name": f"newcomers-{name}",
        "model": "newcomers",
        "tags": {"predictor": name, "strategy": settings.strategy},
        "parameters": {
            **block,
            "newcomers": settings.model_dump(
                include={"strategy", "held_out_share", "min_ratings", "at_most_people", "seed"}
            ),
        },
        "metrics": metrics,
        "curves": {"rmse_by_answers": curve},
        "failure": table.reason if isinstance(table, Failure) else None,
        "started": started,
        "ended": time.time(),
    }
