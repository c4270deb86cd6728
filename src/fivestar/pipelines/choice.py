"""Which trained model is looked at: the one that is asked for, or the champion."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping

import pandas as pd
from kedro.pipeline.node import Node, node

from fivestar.errors import InputError
from fivestar.models import Model

logger = logging.getLogger(__name__)


def choose(
    trained_models: Mapping[str, Model],
    leaderboard: pd.DataFrame,
    vocabulary: dict[str, list[str]],
    model: str | None,
) -> tuple[str, Model]:
    """The name and the final model, trained on train and validation.

    Parameters
    ----------
    model
        Its name; None is the champion, the lowest RMSE on validation.

    Raises
    ------
    InputError
        If there is no such model, or it was trained on other data.
    """
    name = str(leaderboard["model"].iloc[0]) if model is None else model
    if name not in trained_models:
        close = difflib.get_close_matches(name, trained_models, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"model: {name!r} is not trained; trained are {', '.join(trained_models) or 'none'}."
            f"{hint} To train it, add it to `line_up` or run `kedro run --pipelines zoo`."
        )
    chosen = trained_models[name]
    require_same_data(chosen, name, vocabulary)
    logger.info("%-24s %s", "model", name)
    return name, chosen


def require_same_data(model: Model, name: str, vocabulary: dict[str, list[str]]) -> None:
    """Refuse a model that was trained on another data set than the one that is there now."""
    of_model = (len(model.user_means), len(model.item_means))
    of_data = (len(vocabulary["users"]), len(vocabulary["items"]))
    if of_model != of_data:
        raise InputError(
            f"data/06_models/{name}: trained on {of_model[0]:,} users and {of_model[1]:,} items, "
            f"but the data has {of_data[0]:,} and {of_data[1]:,}. Train it again: `kedro run`."
        )


def choose_model(tag: str) -> Node:
    """The node of ``choose``: ``chosen_name`` and ``chosen_model``."""
    return node(
        choose,
        inputs=["trained_models", "leaderboard", "vocabulary", "params:model"],
        outputs=["chosen_name", "chosen_model"],
        name="choose_model",
        tags=tag,
    )
