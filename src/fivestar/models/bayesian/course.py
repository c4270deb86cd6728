"""The course of chains: their samples, and the RMSE of their mean and of the latest alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fivestar.metrics import rmse
from fivestar.models.base import probe_of
from fivestar.models.bayesian.sampler import Sampler
from fivestar.models.bayesian.scores import Samples
from fivestar.models.threads import results_in_threads
from fivestar.models.training import Training
from fivestar.ratings import observed, observed_at

if TYPE_CHECKING:
    from fivestar.models.bayesian.factorization import BayesianFactorization

Array = NDArray[np.floating]
State = dict[str, Array]
"""One sample's part of each array of kept samples."""


class Course:
    """Keeps the chains' states at each measurement; during burn-in the latest ones only."""

    def __init__(
        self,
        model: BayesianFactorization,
        samplers: list[Sampler],
        training: Training,
        n_threads: int,
    ) -> None:
        self.model, self.samplers, self.n_threads = model, samplers, n_threads
        self.states: list[State] = []
        self.curves: dict[str, list[float]] = {"noise": [], "sample_rmse": []}
        chosen = probe_of(training.ratings)
        users, items, ratings = observed_at(training.ratings, chosen)
        times = None if training.times is None else training.times[chosen]
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
        """RMSE of the mean of the samples; during burn-in of the latest ones."""
        states = list(results_in_threads(self.model._state, self.samplers, self.n_threads))
        if not all(np.isfinite(array).all() for state in states for array in state.values()):
            return np.nan, None
        if self.count == 0:
            self.states.clear()
        self.states += states
        latest = list(results_in_threads(self._expected, states, self.n_threads))
        alone = np.mean([self._rmse(each)[0] for each in latest])
        errors = self._rmse(np.mean(latest, axis=0))
        if self.samplers[0].n_sweeps > self.model.n_burn_in:
            self.total += np.mean(latest, axis=0)
            self.count += 1
            errors = self._rmse(self.total / self.count)
        unit = 1 if self.model.ordinal else self.model.unit
        noises = [sampler.likelihood.noise.precisions for sampler in self.samplers]
        self.curves["noise"].append(unit * float(np.mean(1 / np.sqrt(noises))))
        self.curves["sample_rmse"].append(float(alone))
        return errors

    def _expected(self, state: State) -> Array:
        return self.model.expected_at(_one(state), *self.pairs, self.times)

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


def _one(state: State) -> Samples:
    return Samples(*(state[name][:, None] for name in Samples._fields))
