"""The model that is looked into, and others to set beside it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import pandas as pd

from fivestar.errors import InputError
from fivestar.models import Factors, Model
from fivestar.pipelines.choice import choose, require_same_data
from fivestar.ratings import Scale, TrainingData

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inspected:
    """The model that is looked into.

    Attributes
    ----------
    name : of the model
    factors : of the final model
    others : names of the other trained models, the best first
    standing : a sentence on its place on the leaderboard; empty where it is not there
    data_title : which data it was trained on
    scale : of the ratings
    """

    name: str
    factors: Factors
    others: list[str]
    standing: str
    data_title: str
    scale: Scale

    def __deepcopy__(self, memo: object) -> Self:
        return self  # nothing changes it, and Kedro copies what passes from node to node


def choose_inspected(
    trained_models: Mapping[str, Model],
    leaderboard: pd.DataFrame,
    data: TrainingData,
    model: str | None,
) -> Inspected:
    """The model that is asked for, or the champion.

    Where the champion has no factors, the best model that has takes its place.

    Parameters
    ----------
    model
        The name that was asked for, None for the champion.

    Raises
    ------
    InputError
        If the model that was asked for, or every trained model, has none.
    """
    name, chosen = choose(trained_models, leaderboard, data, model)
    ranked = [each for each in leaderboard["model"].astype(str) if each in trained_models]
    names = list(dict.fromkeys([*ranked, *trained_models]))
    factors = chosen.factors()
    if factors is None:
        others = with_factors(names, trained_models, data)
        if model is not None:
            known = ", ".join(other for other, _ in others) or "none of those trained"
            raise InputError(
                f"model: {model!r} has no vectors of items to look into. Models that have: {known}."
            )
        champion, (name, factors) = name, next(others, (name, None))
        if factors is None:
            raise InputError(
                "no trained model has vectors of items to look into. Add one, `als` for instance, "
                "to `line_up` (parameters_models.yml) and train it: `kedro run`."
            )
        logger.info(
            "inspection: %s, the champion, has no vectors of items; the best that has is %s",
            *(champion, name),
        )
    return Inspected(
        name,
        factors,
        [other for other in names if other != name],
        _standing(name, leaderboard),
        data.title,
        data.scale,
    )


def with_factors(
    names: Iterable[str], trained_models: Mapping[str, Model], data: TrainingData
) -> Iterator[tuple[str, Factors]]:
    """Those that have factors and were trained on this split, one model in memory at a time."""
    for name in names:
        try:
            model = trained_models[name]
            require_same_data(model, name, data)
        except InputError as error:
            logger.info("inspection: %s is left out: %s", name, error)
            continue
        factors = model.factors()
        if factors is not None:
            yield name, factors


def _standing(name: str, leaderboard: pd.DataFrame) -> str:
    own = leaderboard[leaderboard["model"] == name]
    if own.empty:
        return ""
    error, place = own["validation_rmse"].iloc[0], own.index[0] + 1
    return f"Validation RMSE {error:.4f}, place {place} of {len(leaderboard)} on the leaderboard."
