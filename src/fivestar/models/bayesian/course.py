"""The course of chains: their samples, and the RMSE of their mean and of the latest alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

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


class Look(NamedTuple):
    """What is measured of a chain: after so many sweeps a sample, its predictions, its noise."""

    n_sweeps: int
    state: State
    expected: Array
    noise: float


class Course:
    """Keeps the chains' states at each measurement; during burn-in the latest ones only."""

    def __init__(self, model: BayesianFactorization, training: Training) -> None:
        self.model = model
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

    def looks(self, sampler: Sampler, every: int) -> Iterator[Look]:
        """At a chain as it is, and then after each so many further sweeps."""
        while True:
            yield self.look(sampler)
            sampler.run(every)

    def rounds(self, samplers: Sequence[Sampler], n_threads: int) -> Generator[list[Look]]:
        """At all chains as they are when asked for."""
        while True:
            yield list(results_in_threads(self.look, samplers, n_threads))

    def look(self, sampler: Sampler) -> Look:
        state = self.model._state(sampler)
        expected = self.model.expected_at(_one(state), *self.pairs, self.times)
        noise = float(np.mean(1 / np.sqrt(sampler.likelihood.noise.precisions)))
        return Look(sampler.n_sweeps, state, expected, noise)

    def measure(self, looks: Sequence[Look]) -> tuple[float, float | None]:
        """RMSE of the mean of the chains' samples; during burn-in of the latest ones."""
        states = [look.state for look in looks]
        if not all(np.isfinite(array).all() for state in states for array in state.values()):
            return np.nan, None
        if self.count == 0:
            self.states.clear()
        self.states += states
        alone = np.mean([self._rmse(look.expected)[0] for look in looks])
        latest = np.mean([look.expected for look in looks], axis=0)
        errors = self._rmse(latest)
        if looks[0].n_sweeps > self.model.n_burn_in:
            self.total += latest
            self.count += 1
            errors = self._rmse(self.total / self.count)
        unit = 1 if self.model.ordinal else self.model.unit
        self.curves["noise"].append(unit * float(np.mean([look.noise for look in looks])))
        self.curves["sample_rmse"].append(float(alone))
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


def _one(state: State) -> Samples:
    return Samples(*(state[name][:, None] for name in Samples._fields))
