"""A study of Optuna: trials that can be ended at any time and gone on with."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import optuna
from filelock import FileLock
from optuna.importance import get_param_importances
from optuna.pruners import BasePruner
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from fivestar.metrics import rmse
from fivestar.models import History
from fivestar.pipelines.tuning.inner_splits import InnerSplit, predict_held_out
from fivestar.pipelines.tuning.space import SearchSpace
from fivestar.pipelines.tuning.workers import side_by_side

logger = logging.getLogger(__name__)
optuna.logging.set_verbosity(optuna.logging.ERROR)

CHECKPOINTS = (1 / 4, 1 / 2, 1)
"""Shares of the first split's training steps at which trials are compared."""
KEPT_DURING, KEPT_AFTER = 200 / 3, 50
"""Percentiles of complete trials that a trial has to be better than to go on: at checkpoints
during that training, and after it and after each split. Of 40 trials of ``als`` on the demo in
random order this saves 0.61 of the time, and the three best are kept; comparing with the median
early on loses some of them."""
MIN_COMPLETE = 5
"""Trials that are complete before one is pruned."""
SQLITE = "sqlite:///"
"""Before the path of a database, in its URL."""
BUSY_SECONDS = 60
"""How long a worker waits for another one that writes."""
PRESENT, FAILURE, ERRORS, CURVE = "present", "failure", "errors", "curve"
"""What is kept with a trial: whether it is of the present settings, why it failed, the errors
on the splits, the learning curve on the first."""


@dataclass(frozen=True)
class Plan:
    """What all trials of a study share.

    Attributes
    ----------
    storage
        URL of Optuna's database.
    name
        The study's: other data, another space or another objective need another one.
    model
        The model's name, for messages.
    references
        What the RMSE on each split is divided by before the mean is taken.
    deadline
        Seconds since 1970 after which no trial is begun.
    """

    storage: str
    name: str
    model: str
    space: SearchSpace
    splits: list[InnerSplit]
    references: list[float]
    prune: bool
    seed: int
    deadline: float | None = None


def run(plan: Plan, n_trials: int, n_workers: int) -> list[FrozenTrial]:
    """Go on with a study until it has ``n_trials`` trials or time is up; all that are done.

    The first trial is of the present settings. Trials that a killed run has left are marked as
    failed and run again. With one worker the trials do not depend on interruptions.
    """
    study = _open(plan)
    _begin(study, plan.space)
    n_done = len(done(study))
    if n_done:
        logger.info("%s: %d trials of the study %s are there", plan.model, n_done, plan.name)
    started, seeds = time.perf_counter(), range(plan.seed + n_done, plan.seed + n_trials)
    for n, number in enumerate(side_by_side(run_trial, plan, seeds, n_workers), start=1):
        if number is not None:
            seconds_left = (time.perf_counter() - started) / n * (len(seeds) - n)
            _tell(study, plan.model, number, n_trials, seconds_left)
    return done(study)


def run_trial(plan: Plan, seed: int) -> int | None:
    """Choose settings, measure them and keep the result; the trial's number.

    None once time is up. The seed is that of the choice.
    """
    if plan.deadline is not None and time.time() > plan.deadline:
        return None
    study = _open(plan, seed)
    with FileLock(f"{plan.storage.removeprefix(SQLITE)}.lock"):
        # SQLite does not keep two workers from taking the same trial that waits.
        trial = study.ask(plan.space.distributions)
    try:
        error = _measure(plan, trial)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except Exception as failed:  # of these settings, as they may be: the study goes on
        trial.set_user_attr(FAILURE, f"{type(failed).__name__}: {failed}")
        logger.debug("", exc_info=True)
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, error)
    return trial.number


def done(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that are complete, pruned, or failed of their own; not those of a killed run."""
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state in states or (trial.state == TrialState.FAIL and FAILURE in trial.user_attrs)
    ]


def block_of(trial: FrozenTrial | Trial, space: SearchSpace) -> dict[str, Any]:
    """The block of settings that a trial measures."""
    present = trial.user_attrs.get(PRESENT)
    return dict(space.block) if present else space.with_values(trial.params)


def importances(trials: list[FrozenTrial]) -> dict[str, float]:
    """The share of each setting in what decides between good and better trials, largest first.

    By PED-ANOVA (Watanabe, Bansal, Hutter, IJCAI 2023), of the trials that are complete; none
    of too few trials.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if len(complete) < 2 * MIN_COMPLETE:
        return {}
    study = optuna.create_study()
    study.add_trials(complete)
    return get_param_importances(study)


class WorseThanMost(BasePruner):
    """Prunes a trial whose latest value is worse than most complete trials had at its step.

    Optuna's own pruner of percentiles takes a trial's best value so far; here values of
    different steps are measured on different ratings.
    """

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        step = trial.last_step
        others = [t.intermediate_values[step] for t in complete if step in t.intermediate_values]
        if step is None or len(others) < MIN_COMPLETE:
            return False
        kept = KEPT_DURING if step < len(CHECKPOINTS) - 1 else KEPT_AFTER
        return bool(trial.intermediate_values[step] > np.percentile(others, kept))


class Checkpoints:
    """Where a trial is compared with others: first along a learning curve, then split by split.

    A training that ends early counts as having its last error at all later checkpoints.
    """

    def __init__(self, trial: Trial, *, prune: bool) -> None:
        self.trial = trial
        self.prune = prune and not trial.user_attrs.get(PRESENT)
        self.n_passed = 0

    def along_curve(self, share: float, error: float) -> None:
        """Of the first split: the share of the steps done, and the RMSE after them."""
        while self.n_passed < len(CHECKPOINTS) and share >= CHECKPOINTS[self.n_passed]:
            self.trial.report(error, self.n_passed)
            self.n_passed += 1
            self._compare()

    def after_curve(self, history: History) -> None:
        """Of the first split, once it is learned."""
        if len(history.validation_rmse) > 1:
            self.along_curve(1, history.validation_rmse[history.steps.index(history.best_step)])

    def after_split(self, number: int, errors: list[float]) -> None:
        """The errors on the splits so far."""
        self.trial.report(float(np.mean(errors)), len(CHECKPOINTS) + number)
        self._compare()

    def _compare(self) -> None:
        if self.prune and self.trial.should_prune():
            raise optuna.TrialPruned


def _measure(plan: Plan, trial: Trial) -> float:
    """Mean over the splits of the RMSE divided by the reference."""
    block, errors = block_of(trial, plan.space), []
    checkpoints = Checkpoints(trial, prune=plan.prune)
    for number, (split, reference) in enumerate(zip(plan.splits, plan.references, strict=True)):
        report = None if number else checkpoints.along_curve
        predicted, history = predict_held_out(block, split, label=plan.model, report=report)
        errors.append(rmse(split.held_out.data, predicted) / reference)
        trial.set_user_attr(ERRORS, errors)
        if number == 0:
            trial.set_user_attr(CURVE, history.validation_rmse)
            checkpoints.after_curve(history)
        if number + 1 < len(plan.splits):
            checkpoints.after_split(number, errors)
    return float(np.mean(errors))


def _begin(study: optuna.Study, space: SearchSpace) -> None:
    """Have the present settings tried first, and again what a killed run was at."""
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(space.present, user_attrs={PRESENT: True})
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        kept = {PRESENT: True} if trial.user_attrs.get(PRESENT) else None
        study.enqueue_trial(trial.params, user_attrs=kept)
        study.tell(trial.number, state=TrialState.FAIL)


def _open(plan: Plan, seed: int | None = None) -> optuna.Study:
    return optuna.create_study(
        storage=_storage(plan.storage),
        study_name=plan.name,
        sampler=TPESampler(seed=seed),
        pruner=WorseThanMost(),
        load_if_exists=True,
    )


@cache
def _storage(url: str) -> RDBStorage:
    return RDBStorage(url, engine_kwargs={"connect_args": {"timeout": BUSY_SECONDS}})


def _tell(study: optuna.Study, model: str, number: int, n_trials: int, seconds_left: float) -> None:
    """One line of the log on a trial that is done."""
    trials = study.get_trials(deepcopy=False)
    trial = trials[number]
    outcome = trial.state.name.lower()
    if trial.state == TrialState.COMPLETE:
        outcome = f"{trial.value:.4f}"
    elif FAILURE in trial.user_attrs:
        outcome = f"failed: {trial.user_attrs[FAILURE]}"
    complete = [each for each in trials if each.state == TrialState.COMPLETE]
    best = f", best {min(each.value or np.inf for each in complete):.4f}" if complete else ""
    logger.info(
        "%s: trial %d of %d: %s%s; about %.1f minutes left",
        *(model, len(done(study)), n_trials, outcome, best, seconds_left / 60),
    )


def best_of(trials: list[FrozenTrial]) -> FrozenTrial | None:
    """The complete trial of the lowest error, the first of these."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return min(complete, key=lambda trial: trial.value or np.inf, default=None)
