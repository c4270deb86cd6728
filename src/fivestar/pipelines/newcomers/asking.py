"""People who are held out, and what they are asked."""

from __future__ import annotations

import logging

import numpy as np

from fivestar.analysis.elicitation.people import HeldOut, hold_out
from fivestar.analysis.elicitation.ranking import STRATEGIES, Ranking, rank
from fivestar.analysis.elicitation.taste import Taste
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.pipelines.newcomers.fitting import Data
from fivestar.pipelines.newcomers.settings import NewcomersSettings

logger = logging.getLogger(__name__)

FEWEST = 5
"""People whose errors make a figure."""

Rankings = dict[str, Ranking]
"""By strategy."""


def hold_out_people(data: Data, settings: NewcomersSettings) -> HeldOut:
    """People of whom the models learn nothing.

    Raises
    ------
    InputError
        If too few have enough ratings.
    """
    ratings = data.ratings
    enough = int((np.diff(ratings.indptr) >= settings.min_ratings).sum())
    people = hold_out(
        ratings,
        share=settings.held_out_share,
        least=settings.min_ratings,
        most=settings.at_most_people,
        seed=settings.seed,
    )
    n_people = len(people.people)
    if n_people < FEWEST or not data.train[people.others].nnz:
        raise InputError(
            f"newcomers: {enough:,} people have {settings.min_ratings} ratings or more in train "
            f"and validation, of whom {n_people:,} would be held out; it needs {FEWEST}, and "
            "others to learn from. Lower `newcomers.min_ratings` (to twice `newcomers.n_answers` "
            "at the least, so lower that too), or change `newcomers.held_out_share` and "
            "`newcomers.at_most_people`."
        )
    logger.info(
        "%-24s %s people held out, of %s with %d ratings or more; %s targets",
        *("newcomers", f"{n_people:,}", f"{enough:,}", settings.min_ratings),
        f"{people.targets.nnz:,}",
    )
    return people


def fit_factor_model(data: Data, people: HeldOut, settings: NewcomersSettings) -> Model:
    """The factorisation that the greedy strategies choose by, of the others' ratings."""
    return data.of_users(people.others).fit(settings.factor_model)


def rank_items(model: Model, data: Data, people: HeldOut, settings: NewcomersSettings) -> Rankings:
    """The questionnaire of every strategy, from the others' ratings."""
    others = data.of_users(people.others)
    taste = taste_of(model, others, settings)
    return {name: rank(name, others.ratings, taste, settings.seed) for name in STRATEGIES}


def taste_of(model: Model, data: Data, settings: NewcomersSettings) -> Taste:
    """What the factor model believes of a person before the first answer.

    Raises
    ------
    InputError
        If it is no plain factorisation.
    """
    try:
        return Taste.of(model, data.ratings)
    except ValueError as error:
        raise InputError(
            f"newcomers.factor_model: {settings.factor_model} is no plain factorisation with "
            f"biases ({error}). Name another one, such as gradient_descent or als."
        ) from error
