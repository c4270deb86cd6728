"""The Bayesian factorisation with users who drift: it is told when each rating is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, learned
from fivestar.models.bayesian.bayesian_mf import BayesianMF
from fivestar.models.bayesian.draws import Draws
from fivestar.models.bayesian.likelihood import Likelihood
from fivestar.models.bayesian.scores import Samples
from fivestar.models.drift import SECONDS_A_MINUTE, Drift, Path
from fivestar.models.training import History, Training
from fivestar.ratings import Indices, Times, observed

FIRST_VARIANCE = 0.1
"""Of the drift, where the chain begins; latent ratings have a noise of about 1."""
CHUNK = 1 << 12
"""Pairs whose users' samples are gathered at a time."""


class Drifting:
    """A likelihood of scores to which a drift is added; to the sampler it is as any other.

    Each sweep draws the drift given the last latent ratings, then these given the drift.

    Attributes
    ----------
    means, variances : of the drift at the ratings, over the draws after burn-in
    """

    def __init__(self, inner: Likelihood, drift: Drift, n_burn_in: int) -> None:
        self.inner, self.drift, self.n_burn_in = inner, drift, n_burn_in
        self.draws, self.noise, self.cutpoints = inner.draws, inner.noise, inner.cutpoints
        self.n_sweeps, self.latest = 0, np.zeros(0)
        self.totals, self.squares = (np.zeros(len(drift.values)) for _ in range(2))
        self.total_variance = 0.0

    def latent(self, scores: FloatArray) -> FloatArray:
        """Draw the drift, then latent ratings less the drift, (n_ratings,), given the scores."""
        drift, random = self.drift, self.draws.random
        if self.n_sweeps:
            precisions = np.repeat(self.noise.precisions, self.draws.counts)
            noise = random.standard_normal(len(scores))
            drift.find(self.latest - scores, precisions, noise)
            drift.sample_variance(random)
        if self.n_sweeps > self.n_burn_in:
            self.totals += drift.values
            self.squares += drift.values**2
            self.total_variance += drift.variance
        self.n_sweeps += 1
        moved = drift.values.astype(np.float32)
        self.latest = self.inner.latent(scores + moved)
        return self.latest - moved

    def path(self) -> Path:
        """Of the posterior."""
        n = max(self.n_sweeps - 1 - self.n_burn_in, 1)
        self.drift.variance = self.total_variance / n
        means = self.totals / n
        return self.drift.path(means, np.maximum(self.squares / n - means**2, 0))


@dataclass(kw_only=True)
class BayesianMFTime(BayesianMF):
    r"""Bayesian factorisation in which a user's bias drifts.

    Extends ``BayesianMF`` by a process of each user in the latent rating,

        z_ui = x_u . y_i + b_u + b_i + f_u(t_ui) + e_ui,

    of which a rating tells the more, the closer in time it was given (see ``Drift``). Mostly
    these are sessions: within some minutes a user's ratings are all a little too high, or too
    low. The drift and its variance are drawn with everything else. A rating that is predicted
    needs its time; ratings of the same session, earlier or later, must be in train to help.
    Without its time it is predicted with the drift summed out.

    Parameters
    ----------
    drift_minutes
        s: ratings so far apart share 1 / e of the variance of the drift.

    Attributes
    ----------
    drift_starts, drift_times, drift_means, drift_variances
        What is known of the drift at the ratings; see ``Path``.
    drift_variance : (1,) v, mean over the samples
    """

    family: ClassVar[str] = "bayesian_mf_time"
    uses_times: ClassVar[bool] = True

    drift_minutes: Annotated[float, Gt(0)] = 5.0

    drift_starts: NDArray[np.int64] = learned(parameter=False)
    drift_times: Times = learned(parameter=False)
    drift_means: FloatArray = learned(parameter=False)
    drift_variances: FloatArray = learned(parameter=False)
    drift_variance: FloatArray = learned(parameter=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._drift: Drift | None = None
        self._likelihood_in_training: Drifting | None = None

    # -- training

    def _fit(self, training: Training) -> History:
        assert training.times is not None
        users, _, _ = observed(training.ratings)
        scale = SECONDS_A_MINUTE * self.drift_minutes
        self._drift = Drift(users, training.times, len(self.user_means), scale, FIRST_VARIANCE)
        history = super()._fit(training)
        assert self._likelihood_in_training is not None
        path = self._likelihood_in_training.path()
        self._drift = self._likelihood_in_training = None
        self.drift_starts, self.drift_times = path.starts, path.times
        self.drift_means = path.means.astype(np.float32)
        self.drift_variances = path.variances.astype(np.float32)
        self.drift_variance = np.array([path.variance], dtype=np.float32)
        # By the mean drift, as the model predicts; until now by each sample's own.
        history.train_rmse[-1], of_validation = training.measure()
        if of_validation is not None:
            history.validation_rmse[-1] = of_validation
        return history

    def _likelihood(
        self, ratings: sparse.csr_array, offset: np.float32, draws: Draws
    ) -> Likelihood:
        likelihood = super()._likelihood(ratings, offset, draws)
        if self._drift is None:
            return likelihood
        self._likelihood_in_training = Drifting(likelihood, self._drift, self.n_burn_in)
        return self._likelihood_in_training

    # -- prediction

    @property
    def path(self) -> Path:
        """Of the latest sample in training, of the posterior afterwards."""
        if self._drift is not None:
            return self._drift.path()
        scale, variance = SECONDS_A_MINUTE * self.drift_minutes, float(self.drift_variance[0])
        means, variances = self.drift_means, self.drift_variances
        return Path(self.drift_starts, self.drift_times, means, variances, scale, variance)

    @property
    def samples(self) -> Samples:
        """Of ratings whose time is not known: the drift is one more noise."""
        samples = super().samples
        return samples._replace(noise_roots=_less_sure(samples.noise_roots, self.drift_variance))

    def _score_at(self, users: Indices, items: Indices, times: Times | None) -> FloatArray:
        return self.expected_at(super().samples, users, items, times)

    def expected_at(
        self, samples: Samples, users: Indices, items: Indices, times: Times | None
    ) -> FloatArray:
        if times is None:
            return self.expected(self.samples, users, items)
        path, out = self.path, np.empty(len(users))
        for start in range(0, len(users), CHUNK):
            block = slice(start, start + CHUNK)
            at = path.at(users[block], times[block])
            moved = _moved(samples, users[block], *at)
            out[block] = self.expected(moved, np.arange(len(at[0])), items[block])
        return out

    # -- new users

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """As users of whom no time is known: their drift is one more noise."""
        self.noise_variances = self.noise_variances + self.drift_variance
        super()._fold_in(ratings, features)
        self.drift_variance = np.zeros(1, dtype=np.float32)
        self.drift_starts = np.zeros(ratings.shape[0] + 1, dtype=np.int64)
        self.drift_times = np.zeros(0)
        self.drift_means, self.drift_variances = (np.zeros(0, np.float32) for _ in range(2))


def _moved(samples: Samples, users: Indices, means: FloatArray, variances: FloatArray) -> Samples:
    """The samples of each pair's user, with the drift in the bias and in the noise."""
    own = samples.user_samples[users]
    own[:, :, -1] += means[:, None].astype(np.float32)
    cutpoints = samples.cutpoints
    return Samples(
        own,
        samples.item_samples,
        _less_sure(samples.noise_roots[users], variances[:, None]),
        cutpoints[users] if len(cutpoints) > 1 else cutpoints,
    )


def _less_sure(roots: FloatArray, variance: FloatArray) -> FloatArray:
    """Roots of precisions after a variance is added; 0, of unknown users, stays 0."""
    less: FloatArray = (roots / np.sqrt(1 + variance * roots**2)).astype(np.float32)
    return less
