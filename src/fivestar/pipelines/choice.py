"""Which trained model is looked at: the one that is asked for, or the champion."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pandas as pd
from kedro.pipeline.node import Node, node

from fivestar.errors import InputError, did_you_mean
from fivestar.models import Model
from fivestar.pipelines.wiring import named
from fivestar.ratings import TrainingData
from fivestar.ratings.training_data import SHOWN

logger = logging.getLogger(__name__)


def choose(
    trained_models: Mapping[str, Model],
    leaderboard: pd.DataFrame,
    data: TrainingData,
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
        If there is no such model, or it was trained on another split.
    """
    name = str(leaderboard["model"].iloc[0]) if model is None else model
    if name not in trained_models:
        raise InputError(
            f"model: {name!r} is not trained; trained are {', '.join(trained_models) or 'none'}. "
            f"{did_you_mean(name, trained_models)} To train it, add it to `line_up` or run "
            "`kedro run --pipelines zoo`."
        )
    chosen = trained_models[name]
    require_same_data(chosen, name, data)
    logger.info("%s: %s", "model", name)
    return name, chosen


def require_same_data(model: Model, name: str, data: TrainingData) -> None:
    """Refuse a model that was trained on another split than the one that is there now."""
    if not data.is_of(model.trained_on):
        raise InputError(
            f"model {name}: trained on {describe(model.trained_on)}, but the data is {data.title}. "
            f"Train it again: kedro run --namespaces {name}"
        )


def same_data(models: Mapping[str, Model], data: TrainingData) -> dict[str, Model]:
    """Those of the trained models that were trained on this split; others are named in the log."""
    same = {}
    for name, model in models.items():
        if data.is_of(model.trained_on):
            same[name] = model
        else:
            logger.info("%s: left out: trained on %s", name, describe(model.trained_on))
    return same


def describe(trained_on: Mapping[str, str]) -> str:
    """The place and the split of a model's training data, for messages."""
    if not trained_on:
        return "data that it does not name"
    return f"{trained_on['place']}, split {trained_on['fingerprint'][:SHOWN]}"


def choose_model(tag: str) -> Node:
    """The node of ``choose``: ``chosen_name`` and ``chosen_model``."""
    return node(
        choose,
        named("trained_models", "leaderboard", data="training_data", model="params:model"),
        ["chosen_name", "chosen_model"],
        name="choose_model",
        tags=tag,
    )
