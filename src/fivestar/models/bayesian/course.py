"""The course of a chain: RMSE of the mean of its samples so far, and of the latest alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fivestar.metrics import rmse
from fivestar.models.base import PROBE
from fivestar.models.bayesian.averages import Samples
from fivestar.models.training import History, Training
from fivestar.ratings import observed

if TYPE_CHECKING:
    from fivestar.models.bayesian.factorization import BayesianFactorization

Array = NDArray[np.floating]
State = dict[str, Array]
"""One sample's part of each array of kept samples."""

logger = logging.getLogger(__name__)


class Course:
    """The history of a chain as its samples come in."""

    def __init__(self, model: BayesianFactorization, training: Training) -> None:
        self.model, self.label = model, training.label
        self.history = History(curves={"noise": [], "sample_rmse": []})
        users, items, ratings = observed(training.ratings)
        if len(ratings) > PROBE:
            chosen = np.random.default_rng(0).choice(len(ratings), PROBE, replace=False)
            users, items, ratings = users[chosen], items[chosen], ratings[chosen]
        self.splits = [slice(len(ratings))]
        if training.validation is not None:
            self.splits.append(slice(len(ratings), None))
            more = observed(training.validation)
            users, items = np.append(users, more[0]), np.append(items, more[1])
            ratings = np.append(ratings, more[2])
        self.actual = ratings * np.float32(model.unit)
        self.predicted = model._fallback(users, items).astype(np.float64)
        self.known = model._knows(users, items)
        self.pairs = users[self.known], items[self.known]
        self.total, self.count = np.zeros(len(self.pairs[0])), 0

    def record(self, sweep: int, state: State, *, kept: bool) -> None:
        """Add a point to the curves: of the mean of the kept samples, or of one not kept."""
        names = "user_samples", "item_samples", "noise_roots", "cutpoints"
        latest = self.model.expected(Samples(*(state[n][:, None] for n in names)), *self.pairs)
        alone = mean = self._rmse(latest)
        if kept:
            self.total += latest
            self.count += 1
            mean = self._rmse(self.total / self.count)
        history, unit = self.history, 1 if self.model.ordinal else self.model.unit
        history.record(sweep, mean[0], mean[1] if len(mean) > 1 else None)
        history.best_step = sweep
        history.curves["sample_rmse"].append(alone[0])
        deviations = 1 / state["noise_roots"][self.model.known_users]
        history.curves["noise"].append(unit * float(np.mean(deviations)))

    def diverged(self, sweep: int, n_kept: int) -> None:
        self.history.ending = "diverged"
        logger.warning("%s diverged at sweep %d: kept %d samples", self.label, sweep, n_kept)

    def _rmse(self, expected: Array) -> list[float]:
        """On train and, where there is a validation split, on validation, in ratings."""
        self.predicted[self.known] = expected * self.model.unit
        predicted = self.predicted
        if self.model.clamp:
            predicted = np.clip(predicted, *self.model.ends)
        if self.model.whole_stars:
            predicted = np.rint(predicted)
        return [rmse(self.actual[split], predicted[split]) for split in self.splits]
