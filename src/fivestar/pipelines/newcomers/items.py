"""Items held out with all their ratings, and predicted by what is known beside."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.errors import InputError
from fivestar.failure import Failure, surviving
from fivestar.metrics import rmse
from fivestar.pipelines.newcomers.fitting import Data
from fivestar.pipelines.newcomers.settings import NewcomersSettings
from fivestar.ratings import Positions, observed

logger = logging.getLogger(__name__)

COLUMNS = ["model", "rmse", "fallbacks", "n_ratings", "n_items"]


def measure_new_items(data: Data, settings: NewcomersSettings) -> pd.DataFrame:
    """The error on items of which a model has seen no rating.

    Returns
    -------
    ``model``, ``rmse`` on all ratings of the new items, ``fallbacks`` (how many of these the
    model predicts by a mean because it knows nothing of the item), ``n_ratings``, ``n_items``.

    Raises
    ------
    InputError
        If no item would be held out, or none left.
    """
    if not settings.new_item_models:
        return pd.DataFrame(columns=COLUMNS)
    users, items, stars = observed(data.ratings)
    rated = np.unique(items)
    random = np.random.default_rng(settings.seed)
    new = random.choice(rated, round(settings.new_item_share * len(rated)), replace=False)
    rest = data.without_items(new)
    if not len(new) or not rest.train.nnz:
        raise InputError(
            f"newcomers: {len(new):,} of {len(rated):,} items would be held out, so there is "
            "nothing to predict or to learn from. Change `newcomers.new_item_share`, or set "
            "`newcomers.new_item_models: []` to leave new items out."
        )
    held_out = np.isin(items, new)
    rows = []
    for name in settings.new_item_models:
        outcome = _measure(rest, users[held_out], items[held_out], stars[held_out], label=name)
        if not isinstance(outcome, Failure):
            rows.append((name, *outcome, int(held_out.sum()), len(new)))
            logger.info(
                "%-24s %s ratings of %s new items: RMSE %.4f, %s fallbacks",
                *(name, f"{held_out.sum():,}", f"{len(new):,}", outcome[0], f"{outcome[1]:,}"),
            )
    return pd.DataFrame(rows, columns=COLUMNS)


@surviving
def _measure(
    data: Data, users: Positions, items: Positions, stars: NDArray[np.float32], *, label: str
) -> tuple[float, int]:
    predicted, fallback = data.fit(label).predict_or_fall_back(users, items)
    return rmse(stars, predicted), int(fallback.sum())
