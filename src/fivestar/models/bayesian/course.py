"""The course of a chain: its samples, and the RMSE of their mean and of the latest alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fivestar.metrics import rmse
from fivestar.models.base import PROBE
from fivestar.models.bayesian.sampler import Sampler
from fivestar.models.bayesian.scores import Samples
from fivestar.models.training import Training
from fivestar.ratings import observed

if TYPE_CHECKING:
    from fivestar.models.bayesian.factorization import BayesianFactorization

Array = NDArray[np.floating]
State = dict[str, Array]
"""One sample's part of each array of kept samples."""


class Course:
    """Keeps the chain's state at each measurement; during burn-in the latest one only."""

    def __init__(self, model: BayesianFactorization, sampler: Sampler, training: Training) -> None:
        self.model, self.sampler = model, sampler
        self.states: list[State] = []
        self.curves: dict[str, list[float]] = {"noise": [], "sample_rmse": []}
        users, items, ratings = observed(training.ratings)
        times = training.times
        if len(ratings) > PROBE:
            chosen = np.random.default_rng(0).choice(len(ratings), PROBE, replace=False)
            users, items, ratings = users[chosen], items[chosen], ratings[chosen]
            times = None if times is None else times[chosen]
        self.n_train = len(ratings)
        if training.validation is not None:
            more = observed(training.validation)
            users, items = np.append(users, more[0]), np.append(items, more[1])
            ratings = np.append(ratings, more[2])
            if times is not None:
                unknown = np.full(len(more[2]), np.nan)
                given = training.validation_times
                times = np.append(times, unknown if given is None else given)
        self.actual = ratings * np.float32(model.unit)
        self.predicted = model._fallback(users, items).astype(np.float64)
        self.known = model._knows(users, items)
        self.pairs = users[self.known], items[self.known]
        self.times = None if times is None else times[self.known]
        self.total, self.count = np.zeros(len(self.pairs[0])), 0

    def measure(self) -> tuple[float, float | None]:
        """RMSE of the mean of the samples; during burn-in of the latest one."""
        state = self.model._state(self.sampler)
        if not all(np.isfinite(array).all() for array in state.values()):
            return np.nan, None
        if self.count == 0:
            self.states.clear()
        self.states.append(state)
        sample = Samples(*(state[name][:, None] for name in Samples._fields))
        latest = self.model.expected_at(sample, *self.pairs, self.times)
        alone = errors = self._rmse(latest)
        if self.sampler.n_sweeps > self.model.n_burn_in:
            self.total += latest
            self.count += 1
            errors = self._rmse(self.total / self.count)
        unit = 1 if self.model.ordinal else self.model.unit
        deviations = 1 / np.sqrt(self.sampler.likelihood.noise.precisions)
        self.curves["noise"].append(unit * float(deviations.mean()))
        self.curves["sample_rmse"].append(alone[0])
        return errors

    def _rmse(self, expected: Array) -> tuple[float, float | None]:
        """On train and validation, in ratings."""
        self.predicted[self.known] = expected * self.model.unit
        predicted = self.predicted
        if self.model.clamp:
            predicted = np.clip(predicted, *self.model.ends)
        if self.model.whole_stars:
            predicted = np.rint(predicted)
        n = self.n_train
        on_validation = rmse(self.actual[n:], predicted[n:]) if n < len(predicted) else None
        return rmse(self.actual[:n], predicted[:n]), on_validation
