"""The Bayesian factorisation with users who drift: it is told when each rating is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, cast

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, learned
from fivestar.models.bayesian.bayesian_mf import BayesianMF
from fivestar.models.bayesian.draws import Draws
from fivestar.models.bayesian.likelihood import Likelihood
from fivestar.models.bayesian.scores import Samples
from fivestar.models.drift import DRIFT_MINUTES, SECONDS_A_MINUTE, Drift, Path
from fivestar.models.training import History, Training
from fivestar.ratings import Indices, Times, observed

FIRST_STRENGTH = 0.1
"""Of the drift, where the chain begins; latent ratings have a noise of about 1."""
CHUNK = 1 << 12
"""Pairs whose users' samples are gathered at a time."""


class Drifting:
    """A likelihood of scores to which a drift is added; to the sampler it is as any other.

    Each sweep draws the drift given the last latent ratings, then these given the drift.
    """

    def __init__(self, inner: Likelihood, drift: Drift, n_burn_in: int) -> None:
        self.inner, self.drift, self.n_burn_in = inner, drift, n_burn_in
        self.draws, self.noise, self.cutpoints = inner.draws, inner.noise, inner.cutpoints
        self.n_sweeps = 0
        self.latest: FloatArray = np.zeros(0)
        self.totals, self.squares = np.zeros_like(drift.parts), np.zeros_like(drift.parts)
        self.total_strengths = np.zeros_like(drift.strengths)

    def latent(self, scores: FloatArray) -> FloatArray:
        """Draw the drift, then latent ratings less the drift, (n_ratings,), given the scores."""
        drift, random = self.drift, self.draws.random
        if self.n_sweeps:
            precisions = np.repeat(self.noise.precisions, self.draws.counts)
            drift.find(self.latest - scores, precisions, random)
            drift.sample_strengths(random)
        if self.n_sweeps > self.n_burn_in:
            self.totals += drift.parts
            self.squares += drift.parts**2
            self.total_strengths += drift.strengths
        self.n_sweeps += 1
        moved = drift.values.astype(np.float32)
        self.latest = self.inner.latent(scores + moved)
        return self.latest - moved

    def path(self) -> Path:
        """Means and variances over the draws after burn-in."""
        n = max(self.n_sweeps - 1 - self.n_burn_in, 1)
        means = self.totals / n
        variances = np.maximum(self.squares / n - means**2, 0)
        return self.drift.path()._replace(
            means=means, variances=variances, strengths=self.total_strengths / n
        )


@dataclass(kw_only=True)
class BayesianMFTime(BayesianMF):
    r"""Bayesian factorisation in which a user's bias drifts.

    Extends ``BayesianMF`` by a drift of each user in the latent rating,

        z_ui = x_u . y_i + b_u + b_i + f_u(t_ui) + e_ui,

    of which a rating tells the more, the closer in time it was given (see ``Drift``). Mostly
    these are sessions: within some minutes a user's ratings are all a little too high, or too
    low. The drift and its variances are drawn with everything else. A rating that is predicted
    needs its time; ratings of the same session, earlier or later, must be in train to help.
    Without its time it is predicted as if given when the user's other ratings were, on average:
    the users' samples hold this mean drift.

    Parameters
    ----------
    drift_minutes
        s of each part of the drift: ratings so far apart share 1 / e of its variance.

    Attributes
    ----------
    drift_starts, drift_times, drift_means, drift_variances, drift_usual
        What is known of the drift at the ratings, and its mean over a user's; see ``Path``.
    drift_strengths : (n_parts,) v, mean over the samples
    """

    family: ClassVar[str] = "bayesian_mf_time"
    uses_times: ClassVar[bool] = True

    n_chains: int = field(init=False, default=1)  # the drift is that of one chain
    n_burn_in: Annotated[int, Ge(0)] = 150
    n_steps: Annotated[int, Ge(1)] = 550
    drift_minutes: tuple[Annotated[float, Gt(0)], ...] = DRIFT_MINUTES

    drift_starts: NDArray[np.int64] = learned(parameter=False)
    drift_times: Times = learned(parameter=False)
    drift_means: FloatArray = learned(parameter=False)
    drift_variances: FloatArray = learned(parameter=False)
    drift_usual: FloatArray = learned(parameter=False)
    drift_strengths: FloatArray = learned(parameter=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._drift: Drift | None = None
        self._likelihood_in_training: Drifting | None = None

    # -- training

    def _fit(self, training: Training) -> History:
        assert training.times is not None
        users, _, _ = observed(training.ratings)
        n_users = len(self.user_means)
        self._drift = Drift(users, training.times, n_users, self._scales, FIRST_STRENGTH)
        history = super()._fit(training)
        assert self._likelihood_in_training is not None
        path = self._likelihood_in_training.path()
        self._drift = self._likelihood_in_training = None
        self.drift_starts, self.drift_times = path.starts, path.times
        self.drift_means = path.means.astype(np.float32)
        self.drift_variances = path.variances.astype(np.float32)
        self.drift_strengths = path.strengths.astype(np.float32)
        self.drift_usual = path.mean_of_rows().astype(np.float32)
        self.user_samples[:, :, -1] += self.drift_usual[:, None]
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
        return cast(Likelihood, self._likelihood_in_training)

    # -- prediction

    @property
    def path(self) -> Path:
        """Of the latest sample in training, of the posterior afterwards."""
        if self._drift is not None:
            return self._drift.path()
        of_ratings = self.drift_times, self.drift_means, self.drift_variances
        of_parts = self._scales, self.drift_strengths
        return Path(self.drift_starts, *of_ratings, *of_parts, self.drift_usual)

    @property
    def _scales(self) -> NDArray[np.float64]:
        return SECONDS_A_MINUTE * np.array(self.drift_minutes)

    @property
    def samples(self) -> Samples:
        """Of ratings whose time is not known: the drift is one more noise."""
        samples = super().samples
        return samples._replace(
            noise_roots=_less_sure(samples.noise_roots, self.drift_strengths.sum())
        )

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
        self.noise_variances = self.noise_variances + self.drift_strengths.sum()
        super()._fold_in(ratings, features)
        self.drift_strengths = np.zeros_like(self.drift_strengths)
        self.drift_starts = np.zeros(ratings.shape[0] + 1, dtype=np.int64)
        self.drift_usual = np.zeros(ratings.shape[0], dtype=np.float32)
        self.drift_times = np.zeros(0)
        none = np.zeros((0, len(self.drift_minutes)), dtype=np.float32)
        self.drift_means = self.drift_variances = none


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


def _less_sure(roots: FloatArray, variance: FloatArray | np.floating) -> FloatArray:
    """Roots of precisions after a variance is added; 0, of unknown users, stays 0."""
    less: FloatArray = (roots / np.sqrt(1 + variance * roots**2)).astype(np.float32)
    return less
