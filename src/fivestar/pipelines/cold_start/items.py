"""Items held out with all their ratings, and predicted by their features."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from fivestar.errors import InputError
from fivestar.failure import Failure, surviving
from fivestar.metrics import rmse
from fivestar.pipelines.cold_start.models import Blocks
from fivestar.pipelines.cold_start.settings import ColdStartSettings
from fivestar.pipelines.fitting import fit_and_refit
from fivestar.ratings import TrainingData, observed

logger = logging.getLogger(__name__)

COLUMNS = ["model", "rmse", "fallbacks", "n_ratings", "n_items"]


def measure_new_items(
    data: TrainingData, blocks: Blocks, settings: ColdStartSettings
) -> pd.DataFrame:
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
    users, items, ratings = observed(data.ratings)
    rated = np.unique(items)
    random = np.random.default_rng(settings.seed)
    new = random.choice(rated, round(settings.new_item_share * len(rated)), replace=False)
    others = data.without_items(new)
    if not len(new) or not others.train.nnz:
        raise InputError(
            f"cold_start: {len(new):,} of {len(rated):,} items would be held out, so there is "
            "nothing to predict or to learn from. Change `cold_start.new_item_share`, or set "
            "`cold_start.new_item_models: []` to leave new items out."
        )
    held_out = np.isin(items, new)

    @surviving
    def measure(*, label: str) -> tuple[float, int]:
        model = fit_and_refit(blocks[label], others, label=label)
        predicted = model.predict_detailed(users[held_out], items[held_out])
        return rmse(ratings[held_out], predicted.values), int(predicted.fallback.sum())

    rows = []
    for name in settings.new_item_models:
        outcome = measure(label=name)
        if not isinstance(outcome, Failure):
            rows.append((name, *outcome, int(held_out.sum()), len(new)))
            logger.info(
                "%s: %s ratings of %s new items: RMSE %.4f, %s fallbacks",
                *(name, f"{held_out.sum():,}", f"{len(new):,}", outcome[0], f"{outcome[1]:,}"),
            )
    return pd.DataFrame(rows, columns=COLUMNS)
