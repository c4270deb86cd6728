"""Which model the page computes with."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd

from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.models.solver import UserRegression
from fivestar.pipelines.choice import choose, same_data
from fivestar.ratings import TrainingData, csr_matrix

logger = logging.getLogger(__name__)

MAX_RATINGS = 200
"""That the page takes: it holds the penalty of each number of ratings."""


def choose_regression(
    trained_models: Mapping[str, Model],
    leaderboard: pd.DataFrame,
    data: TrainingData,
    model: str | None,
) -> tuple[str, Model]:
    """The name and the final model: the one that is asked for, or the best that the page can have.

    That is a model whose cold-start solution is one ridge regression on vectors of the items.

    Raises
    ------
    InputError
        If the model that is asked for is not trained, or no such model; if there is none.
    """
    if model is not None:
        name, chosen = choose(trained_models, leaderboard, data, model)
        if regression_of(chosen) is not None:
            return name, chosen
    ranked = {name: trained_models[name] for name in leaderboard["model"] if name in trained_models}
    regressions = {name: regression_of(each) for name, each in same_data(ranked, data).items()}
    able = [name for name, regression in regressions.items() if regression is not None]
    if model is not None or not able:
        names = f"Of those trained it can with {', '.join(able)}." if able else ""
        raise InputError(
            f"model: the page to try cannot compute with {model or 'any model that is trained'}, "
            "whose new users are not solved by a ridge regression on their ratings. "
            + (names or "Train one: kedro run --namespaces als")
        )
    logger.info("model: %s, the best of the leaderboard that a page can compute with", able[0])
    return able[0], trained_models[able[0]]


def regression_of(model: Model) -> UserRegression | None:
    """The regression of ``MAX_RATINGS`` + 1 users, of whom user n has n ratings.

    None of a model that has none, or one that takes more than items, ratings and a penalty. The
    ratings stand for any: what counts is the penalty of each number of them.
    """
    n_most = min(MAX_RATINGS, model.n_items)
    counts = np.arange(n_most + 1)
    users = np.repeat(counts, counts)
    items = np.concatenate([np.arange(count) for count in counts])
    ratings = np.full(len(users), model.ends[0])
    regression = model.users_regression(
        csr_matrix(users, items, ratings, (len(counts), model.n_items))
    )
    if regression is None or regression.weights is not None:
        return None
    if regression.gram is not None and regression.gram.any():
        return None
    return regression
