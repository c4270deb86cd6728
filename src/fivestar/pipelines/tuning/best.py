"""The best settings: what they gain over the present ones, and the block to paste."""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from fivestar.models import build
from fivestar.pipelines.tuning.gain import CONFIDENCE, Gain, gain
from fivestar.pipelines.tuning.inner_splits import (
    InnerSplit,
    inner_splits,
    predict_held_out,
    validation_split,
)
from fivestar.pipelines.tuning.nodes import PRESENT, Block, Runs
from fivestar.pipelines.tuning.settings import TuningSettings
from fivestar.pipelines.tuning.workers import n_cores, side_by_side
from fivestar.ratings import TrainingData

logger = logging.getLogger(__name__)


def best_of(runs: Runs) -> dict[str, Any]:
    """The record of the lowest mean RMSE."""
    complete = [run for run in runs if "inner_rmse" in run["metrics"]]
    return min(complete, key=lambda run: run["metrics"]["inner_rmse"])


def measure_gain(
    data: TrainingData, block: Block, settings: TuningSettings, runs: Runs
) -> dict[str, Gain]:
    """What the best settings gain over the present ones, by where it is measured.

    ``inner`` is on the ratings that the trials were compared on. There the best of many is a
    little too good; ``validation`` is not, with inner folds: the tuning has not seen it.
    Empty where the present settings are the best.
    """
    best = best_of(runs)
    if best["tags"].get("settings") == PRESENT:
        return {}
    return gains_of(data, block, best["parameters"], settings, model=best["model"])


def gains_of(
    data: TrainingData, before: Block, after: Block, settings: TuningSettings, *, model: str
) -> dict[str, Gain]:
    """What one block gains over another, on the inner splits and on validation."""
    splits = {f"inner {n}": split for n, split in enumerate(inner_splits(data, settings))}
    if settings.objective == "inner_folds":
        splits["validation"] = validation_split(data, settings)
    shared, n_workers = ((before, after), splits, model), settings.workers or n_cores()
    jobs = [(which, name) for which in (0, 1) for name in splits]
    done = dict(side_by_side(_errors, shared, jobs, n_workers))
    gains = {}
    for where in ("inner", "validation"):
        names = [name for name in splits if name.startswith(where)]
        if names:
            users = np.concatenate([splits[name].users for name in names])
            errors = [np.concatenate([done[which, name] for name in names]) for which in (0, 1)]
            gains[where] = gain(users, *errors)
    return gains


def _errors(
    shared: tuple[tuple[Block, Block], Mapping[str, InnerSplit], str], job: tuple[int, str]
) -> tuple[tuple[int, str], NDArray[np.floating]]:
    """What a block's predictions of a split are wrong by."""
    blocks, splits, model = shared
    which, name = job
    predicted, _ = predict_held_out(blocks[which], splits[name], label=model)
    return job, predicted - splits[name].held_out.data


def write_block(
    data: TrainingData, settings: TuningSettings, runs: Runs, gains: dict[str, Gain]
) -> str:
    """The best settings as YAML to paste below ``models:``, with where they come from."""
    best = best_of(runs)
    model, tags = best["model"], best["tags"]
    states = [run["tags"]["state"] for run in runs]
    present = next((run for run in runs if run["tags"].get("settings") == PRESENT), best)
    told = [
        f"{model}: tuned on {data.title}",
        f"study {tags['study']}: {len(runs)} trials, {states.count('pruned')} pruned, "
        f"{states.count('failed')} failed",
        f"{_objective(data, settings)}: {best['metrics']['inner_rmse']:.4f} in trial "
        f"{tags['trial']}; the present settings {_shown(present['metrics'].get('inner_rmse'))}",
    ]
    if present is best:
        told.append("no trial is better than the present settings")
    told += [_tell(where, each, len(runs)) for where, each in gains.items()]
    block = {model: difference_from_defaults(best["parameters"])}
    text = yaml.safe_dump(block, sort_keys=False, default_flow_style=None, width=92)
    comments = "".join(f"  # {line}\n" for line in told)
    written = comments + textwrap.indent(text, "  ")
    logger.info("%s: best settings, to paste below `models:`\n%s", model, written.rstrip())
    return written


def difference_from_defaults(block: Block) -> Block:
    """The family, and the settings that are not its defaults."""
    family = {"family": block["family"]}
    defaults, own = build(family).settings, build(block).settings
    differs = {name: value for name, value in own.items() if value != defaults[name]}
    return family | {
        name: list(value) if isinstance(value, tuple) else value for name, value in differs.items()
    }


def _objective(data: TrainingData, settings: TuningSettings) -> str:
    if settings.objective == "validation":
        return f"RMSE on validation ({data.validation.nnz:,} ratings)"
    return f"mean RMSE on {settings.inner_folds} folds inside train ({data.train.nnz:,} ratings)"


def _tell(where: str, gained: Gain, n_trials: int) -> str:
    place = {
        "inner": f"gain there, as the best of {n_trials} a little too good",
        "validation": "gain on validation, which the tuning has not seen",
    }[where]
    verdict = "significant" if gained.significant else "not significant"
    return (
        f"{place}: {gained.fall:.4f}, {CONFIDENCE:.0%} interval {gained.low:.4f} to "
        f"{gained.high:.4f} over users: {verdict}"
    )


def _shown(error: float | None) -> str:
    return "failed" if error is None else f"{error:.4f}"
