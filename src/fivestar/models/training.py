"""The one training loop: progress, early stopping, best weights restored, divergence caught."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from scipy import sparse

from fivestar.errors import TooSlow
from fivestar.models.progress import progress_bar
from fivestar.ratings import Features, Times

logger = logging.getLogger(__name__)

Measure = Callable[[], tuple[float, float | None]]
"""Gives the RMSE on train and, where there is a validation split, on validation; in ratings."""
Report = Callable[[float, float], None]
"""Is told the share of the steps that are done, and the validation RMSE after them."""
TIMED = 3
"""Steps after which the time of all is estimated; the first one may compile."""
ONLY_TIMED = 0.0
"""Seconds that are allowed to a fit of which no more is wanted than the estimate."""


@dataclass(frozen=True)
class EarlyStopping:
    """When to stop before the last step.

    Parameters
    ----------
    patience
        Number of steps without improvement that are waited for.
    min_improvement
        Fall of the validation RMSE that counts as an improvement, in units (see ``Model``).
    """

    patience: Annotated[int, Ge(1)] = 10
    min_improvement: Annotated[float, Ge(0)] = 1e-5


@dataclass(kw_only=True)
class Steps:
    """Settings of models that learn step by step.

    Parameters
    ----------
    n_steps
        Steps (epochs, sweeps) at the most.
    stopping
        When to stop before; None trains all steps and keeps the last weights.
    measure_every
        Steps between two points of the learning curves.
    """

    n_steps: Annotated[int, Ge(0)] = 100
    stopping: EarlyStopping | None = field(default_factory=EarlyStopping)
    measure_every: Annotated[int, Ge(1)] = 1


@dataclass
class History:
    """What happened during training.

    Attributes
    ----------
    steps, train_rmse, validation_rmse
        One point each time the model was measured; step 0 is before training. RMSE are in
        ratings; ``validation_rmse`` is empty where no validation split was given.
    best_step
        The step whose weights the model keeps.
    ending
        ``last step``, ``early stopping``, ``diverged``, or ``biases`` where all else was no
        better than the biases alone and the model fell back to them.
    curves
        Further curves of a model by name, each as long as ``steps``.
    """

    steps: list[int] = field(default_factory=list)
    train_rmse: list[float] = field(default_factory=list)
    validation_rmse: list[float] = field(default_factory=list)
    best_step: int = 0
    ending: str = "last step"
    curves: dict[str, list[float]] = field(default_factory=dict)

    def record(self, step: int, train_rmse: float, validation_rmse: float | None) -> None:
        self.steps.append(step)
        self.train_rmse.append(train_rmse)
        if validation_rmse is not None:
            self.validation_rmse.append(validation_rmse)

    @property
    def latest_error(self) -> float:
        """The latest validation RMSE, or the train RMSE where there is none."""
        return (self.validation_rmse or self.train_rmse)[-1]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def too_slow(label: str, expected: float, allowed: float) -> str:
    """Why a model is left out; both times in seconds."""
    return (
        f"{label} would take about {max(expected / 60, 0.1):.1f} minutes, "
        f"more than the {allowed / 60:.1f} allowed"
    )


class TimeLimit:
    """Raises ``TooSlow`` as soon as the first steps show that all would take too long."""

    def __init__(self, max_seconds: float | None, n_steps: int, label: str, started: float) -> None:
        self.max_seconds, self.n_steps, self.label = max_seconds, n_steps, label
        self.started = self.after_first = started

    def check(self, number: int) -> None:
        """Call after each step, numbered from 1."""
        if self.max_seconds is None or number > TIMED:
            return
        now = perf_counter()
        if number == 1:
            self.after_first = now
        expected = now - self.started
        if number == TIMED:
            a_step = (now - self.after_first) / (number - 1)
            expected += (self.n_steps - number) * a_step
        elif self.max_seconds == ONLY_TIMED:
            return
        if expected > self.max_seconds:
            raise TooSlow(too_slow(self.label, expected, self.max_seconds), expected)


@dataclass(frozen=True)
class Training:
    """What a model is fitted on.

    Attributes
    ----------
    ratings, validation
        In units (see ``Model``), users x items; no validation split is None.
    label
        The model's name on the progress bar and in the log.
    measure
        The RMSE, in ratings, of the model as it is at each call.
    unit
        How many ratings a unit is.
    times, weights
        (n_ratings,) of the stored entries of ``ratings``, for models that use them and where
        there are any.
    validation_times
        (n_validation_ratings,)
    max_seconds, started
        Longest time that training may take, and since when.
    report
        Called after each measurement on validation; what it raises ends training.
    """

    ratings: sparse.csr_array
    validation: sparse.csr_array | None
    features: Features | None
    label: str
    measure: Measure
    unit: float
    times: Times | None = None
    weights: NDArray[np.float64] | None = None
    validation_times: Times | None = None
    max_seconds: float | None = None
    started: float = field(default_factory=perf_counter)
    report: Report | None = None

    def once(self) -> History:
        """The history of a model that is learned in no steps, measured now."""
        history = History()
        history.record(0, *self.measure())
        return history

    def time_limit(self, n_steps: int) -> TimeLimit:
        return TimeLimit(self.max_seconds, n_steps, self.label, self.started)

    def run(
        self,
        step: Callable[[], object],
        weights: Sequence[np.ndarray],
        settings: Steps,
        *,
        refresh: Callable[[], object] = lambda: None,
    ) -> History:
        """Train until the last step, until validation stops improving, or until divergence.

        With early stopping the weights of the best validation RMSE are restored. When the
        weights or the error stop being finite, the best weights measured so far are restored.

        Parameters
        ----------
        step
            Makes one step (or epoch), changing ``weights`` in place.
        weights
            The arrays that ``step`` changes; torch parameters share their memory by ``.numpy()``.
        settings
            How many steps, and when to stop before.
        refresh
            Derives from the weights whatever else predictions need: called before each
            measurement and once the final weights are set.

        Raises
        ------
        TooSlow
            See ``max_seconds``.
        """
        history, stopping = History(), settings.stopping
        refresh()
        history.record(0, *self.measure())
        best, best_error = 0, history.latest_error
        best_weights = [array.copy() for array in weights]
        waited_from = best_error, 0
        limit = self.time_limit(settings.n_steps)

        with (
            progress_bar(settings.n_steps, self.label) as bar,
            np.errstate(over="ignore", invalid="ignore"),
        ):
            for number in range(1, settings.n_steps + 1):
                step()
                bar.update()
                limit.check(number)
                if number % settings.measure_every and number != settings.n_steps:
                    continue
                refresh()
                errors = self.measure()
                if not _finite(weights, *errors):
                    history.ending = "diverged"
                    logger.warning(
                        "%s: diverged at step %d, kept the weights of step %d",
                        *(self.label, number, best),
                    )
                    break
                history.record(number, *errors)
                if self.report is not None and history.validation_rmse:
                    self.report(number / settings.n_steps, history.latest_error)
                split = "validation" if history.validation_rmse else "train"
                bar.set_postfix_str(f"{split} RMSE {history.latest_error:.4f}", refresh=False)
                if history.latest_error < best_error:
                    best, best_error = number, history.latest_error
                    _set(best_weights, weights)
                if stopping and history.validation_rmse:
                    if best_error < waited_from[0] - stopping.min_improvement * self.unit:
                        waited_from = best_error, number
                    elif number - waited_from[1] >= stopping.patience:
                        history.ending = "early stopping"
                        break

        keeps_best = history.ending == "diverged" or (stopping and history.validation_rmse)
        if keeps_best:
            _set(weights, best_weights)
        history.best_step = best if keeps_best else history.steps[-1]
        refresh()
        return history


def _set(arrays: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> None:
    """In place: a second copy of a large model's weights may be more than there is memory."""
    for array, value in zip(arrays, values, strict=True):
        array[...] = value


def _finite(weights: Sequence[np.ndarray], *errors: float | None) -> bool:
    values: list[Any] = [*weights, *(error for error in errors if error is not None)]
    return all(np.isfinite(value).all() for value in values)
