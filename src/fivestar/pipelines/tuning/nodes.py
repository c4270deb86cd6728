"""Trials of a model's settings, each a record for MLflow and a row of a table."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fivestar.errors import InputError
from fivestar.models import version_of
from fivestar.pipelines.tuning.inner_splits import inner_splits
from fivestar.pipelines.tuning.settings import TuningSettings
from fivestar.pipelines.tuning.workers import n_cores
from fivestar.ratings import TrainingData
from fivestar.ratings.training_data import SHOWN

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from fivestar.pipelines.tuning.space import SearchSpace

logger = logging.getLogger(__name__)

Block = dict[str, Any]
Runs = list[dict[str, Any]]
"""Records of trials, as MLflow gets them."""
PRESENT = "present settings"
"""What the tag ``settings`` says of the first trial."""


def tune(
    data: TrainingData, block: Block, settings: TuningSettings, storage: str, *, model: str
) -> tuple[Runs, pd.DataFrame, dict[str, float]]:
    """Go on with the study of a model until all trials are done or time is up.

    Parameters
    ----------
    block
        The model's present block.
    storage
        URL of Optuna's database.

    Returns
    -------
    runs
        A record for each trial.
    trials
        A row for each: ``number``, ``value`` (mean RMSE), ``state``, ``seconds``, settings.
    importance
        The share of each setting in what decides between trials.

    Raises
    ------
    InputError
        If the search space is none of this model's, or no trial could be completed.
    """
    # Optuna takes a moment to import, which no other command should wait for.
    from fivestar.pipelines.tuning import study
    from fivestar.pipelines.tuning.space import search_space

    space = search_space(settings.spaces, model, block)
    splits = inner_splits(data, settings)
    minutes = settings.max_minutes
    plan = study.Plan(
        storage,
        _name_of_study(data, space, settings, model),
        model,
        space,
        splits,
        [1.0] * len(splits),
        settings.prune,
        settings.seed,
        deadline=None if minutes is None else time.time() + 60 * minutes,
    )
    trials = study.run(plan, settings.n_trials, settings.workers or n_cores())
    if len(trials) < settings.n_trials:
        logger.info(
            "%s: time is up after %d of %d trials; run again to go on",
            *(model, len(trials), settings.n_trials),
        )
    if study.best_of(trials) is None:
        reasons = {trial.user_attrs.get(study.FAILURE, "pruned") for trial in trials}
        raise InputError(f"{model}: no trial of {len(trials)} is complete: {'; '.join(reasons)}")
    runs = [_record(trial, space, plan.name, model) for trial in trials]
    return runs, _table(trials), study.importances(trials)


def _name_of_study(
    data: TrainingData, space: SearchSpace, settings: TuningSettings, model: str
) -> str:
    """Another one for other data, another block or space, another objective."""
    objective: list[object] = [data.times_fingerprint, settings.objective]
    if settings.objective == "inner_folds":
        objective += [settings.inner_folds, settings.stopping_share, settings.seed]
    trials = space.fingerprint(version_of(str(space.block["family"])), *objective)
    return "/".join(filter(None, [data.place, model, f"{data.fingerprint[:SHOWN]}-{trials}"]))


def _record(trial: FrozenTrial, space: SearchSpace, name: str, model: str) -> dict[str, Any]:
    from fivestar.pipelines.tuning import study

    assert trial.datetime_start is not None
    assert trial.datetime_complete is not None
    kept, state = trial.user_attrs, _state(trial)
    errors = {f"inner_rmse_{n}": error for n, error in enumerate(kept.get(study.ERRORS, []), 1)}
    mean = {} if state != "complete" else {"inner_rmse": trial.value}
    started, ended = (each.timestamp() for each in (trial.datetime_start, trial.datetime_complete))
    return {
        "name": f"tuning-{model}-{trial.number}",
        "model": model,
        "once": True,
        "tags": {
            "study": name,
            "trial": str(trial.number),
            "state": state,
            **({"settings": PRESENT} if kept.get(study.PRESENT) else {}),
        },
        "parameters": study.block_of(trial, space),
        "metrics": mean | errors | {"seconds": ended - started},
        "curves": {"validation_rmse": kept.get(study.CURVE, [])},
        "failure": kept.get(study.FAILURE),
        "started": started,
        "ended": ended,
    }


def _table(trials: Iterable[FrozenTrial]) -> pd.DataFrame:
    rows = []
    for trial in trials:
        state = _state(trial)
        rows.append(
            {
                "number": trial.number,
                "value": trial.value if state == "complete" else np.nan,
                "state": state,
                "seconds": trial.duration.total_seconds() if trial.duration else np.nan,
                **trial.params,
            }
        )
    return pd.DataFrame(rows)


def _state(trial: FrozenTrial) -> str:
    """``complete``, ``pruned`` or ``failed``."""
    name = trial.state.name.lower()
    return "failed" if name == "fail" else name
