"""The one training loop: progress, early stopping, best weights restored, divergence caught."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from fivestar.models.progress import progress_bar

logger = logging.getLogger(__name__)

Measure = Callable[[], tuple[float, float | None]]
"""Gives the RMSE on train and, where there is a validation part, on validation."""


@dataclass(frozen=True)
class EarlyStopping:
    """When to stop before the last step.

    Parameters
    ----------
    patience
        Number of steps without improvement that are waited for.
    min_improvement
        Fall of the validation RMSE, in stars, that counts as an improvement.
    """

    patience: Annotated[int, Ge(1)] = 10
    min_improvement: Annotated[float, Ge(0)] = 1e-5


@dataclass
class History:
    """What happened during training.

    Attributes
    ----------
    steps, train_rmse, validation_rmse
        One point each time the model was measured; step 0 is before training.
        ``validation_rmse`` is empty where no validation part was given.
    best_step
        The step whose weights the model keeps.
    ending
        ``last step``, ``early stopping`` or ``diverged``.
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

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def train_by_steps(
    step: Callable[[], object],
    measure: Measure,
    weights: Sequence[np.ndarray],
    *,
    n_steps: int,
    stopping: EarlyStopping | None = None,
    measure_every: int = 1,
    label: str = "model",
) -> History:
    """Train until the last step, until validation stops improving, or until divergence.

    Parameters
    ----------
    step
        Makes one step (or epoch), changing ``weights`` in place.
    measure
        The RMSE on train and validation with the weights as they are.
    weights
        The arrays that ``step`` changes; torch parameters share their memory by ``.numpy()``.
    n_steps
        Steps at the most.
    stopping
        Needs a validation part; None trains to the last step and keeps its weights.
    measure_every
        Steps between two measurements.
    label
        The model's name on the progress bar and in the log.

    Notes
    -----
    With ``stopping`` the weights of the best validation RMSE are restored. When the weights
    or the error stop being finite, the best weights measured so far are restored.
    """
    history = History()
    history.record(0, *measure())
    best, best_error, best_weights = 0, _error(history), _copy(weights)
    waited_from = best_error, 0

    with progress_bar(n_steps, label) as bar, np.errstate(over="ignore", invalid="ignore"):
        for number in range(1, n_steps + 1):
            step()
            bar.update()
            if number % measure_every and number != n_steps:
                continue
            train_rmse, validation_rmse = measure()
            if not _finite(weights, train_rmse, validation_rmse):
                history.ending = "diverged"
                logger.warning(
                    "%s diverged at step %d: kept the weights of step %d", label, number, best
                )
                break
            history.record(number, train_rmse, validation_rmse)
            part = "train" if validation_rmse is None else "validation"
            bar.set_postfix_str(f"{part} RMSE {_error(history):.4f}", refresh=False)
            if _error(history) < best_error:
                best, best_error = number, _error(history)
                best_weights = _copy(weights)
            if stopping and history.validation_rmse:
                if best_error < waited_from[0] - stopping.min_improvement:
                    waited_from = best_error, number
                elif number - waited_from[1] >= stopping.patience:
                    history.ending = "early stopping"
                    break

    keeps_best = history.ending == "diverged" or (stopping and history.validation_rmse)
    if keeps_best:
        for array, kept in zip(weights, best_weights, strict=True):
            array[...] = kept
    history.best_step = best if keeps_best else history.steps[-1]
    return history


def _error(history: History) -> float:
    """The latest validation RMSE, or the train RMSE where there is none."""
    return (history.validation_rmse or history.train_rmse)[-1]


def _copy(weights: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [array.copy() for array in weights]


def _finite(weights: Sequence[np.ndarray], *errors: float | None) -> bool:
    return all(np.isfinite(array).all() for array in weights) and all(
        np.isfinite(error) for error in errors if error is not None
    )
