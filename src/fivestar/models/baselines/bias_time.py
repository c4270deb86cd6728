"""Biases, and what the user's other ratings of about the same time deviate from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from scipy import sparse

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import ITEM_REGULARIZATION, USER_REGULARIZATION, Biases
from fivestar.models.drift import DRIFT_MINUTES, SECONDS_A_MINUTE, Drift, Path
from fivestar.models.training import History, Steps, Training
from fivestar.ratings import Indices, Times, observed


@dataclass(kw_only=True)
class BiasTime(Model):
    r"""Biases with users who drift: r_ui ~ mu + b_u + b_i + f_u(t).

    The drift f_u is a sum of Gaussian processes with covariances v exp(-|t - t'| / s) (see
    ``Drift``): what the user's ratings within about s of a rating have in common beside the
    biases. Mostly these are sessions, in which all ratings are a little too high, or too low.
    With noise of variance 1 for a rating, v = 1 / ``drift_regularization``; the users' drifts,
    the items' and the users' biases are found in turn, each given the others. (Biases by day, for
    the same reason: Koren, "Collaborative Filtering with Temporal Dynamics", 2009, section 3.)

    A rating that is predicted needs its time, and uses the user's ratings in train before and
    after. Without its time it is predicted as if given when the user's other ratings were, on
    average: the users' biases hold this mean drift.

    Parameters
    ----------
    user_regularization, item_regularization
        Number of ratings equal to the mean that are added to each user and each item.
    drift_regularization
        As many ratings of one moment move one part of the user's drift halfway to their mean.
    drift_minutes
        s of each part of the drift: ratings so far apart share 1 / e of its variance.
    n_steps
        Turns.

    Attributes
    ----------
    user_bias, item_bias : (n_users,) and (n_items,) units
    drift_starts, drift_times, drift_means, drift_usual
        The drift at the ratings, and its mean over a user's, in units; see ``Path``.
    """

    family: ClassVar[str] = "bias_time"
    uses_times: ClassVar[bool] = True
    uses_weights: ClassVar[bool] = True

    bias_fallback: bool = False
    user_regularization: Annotated[float, Ge(0)] = USER_REGULARIZATION
    item_regularization: Annotated[float, Ge(0)] = ITEM_REGULARIZATION
    drift_regularization: Annotated[float, Gt(0)] = 8.0
    drift_minutes: tuple[Annotated[float, Gt(0)], ...] = DRIFT_MINUTES
    n_steps: Annotated[int, Ge(1)] = 30

    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    drift_starts: NDArray[np.int64] = learned(parameter=False)
    drift_times: Times = learned(parameter=False)
    drift_means: FloatArray = learned(parameter=False)
    drift_usual: FloatArray = learned(parameter=False)

    def _fit(self, training: Training) -> History:
        assert training.times is not None
        users, items, ratings = observed(training.ratings)
        weights = np.ones(len(users)) if training.weights is None else training.weights
        biases = Biases.zero(self.mean[0], training.ratings.shape, *self._strengths)
        strength = 1 / self.drift_regularization
        drift = Drift(users, training.times, len(biases.users), self._scales, strength)
        above = ratings - self.mean[0]
        self.drift_starts, self.drift_times = drift.starts, drift.times

        def turn() -> None:
            biases.turn(users, items, above - drift.values, weights)
            drift.find(above - biases.users[users] - biases.items[items], weights)

        def refresh() -> None:
            self.drift_means, self.drift_usual = drift.parts, drift.path().mean_of_rows()
            self.user_bias, self.item_bias = biases.users + self.drift_usual, biases.items

        learnt = [biases.users, biases.items, drift.parts]
        return training.run(
            turn, learnt, Steps(n_steps=self.n_steps, stopping=None), refresh=refresh
        )

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        return self._biases(users, items)

    def _score_at(self, users: Indices, items: Indices, times: Times | None) -> FloatArray:
        score = self._biases(users, items)
        return score if times is None else score + self._path.at(users, times)[0]

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """By their biases: no time is known."""
        self.user_bias = self._biases.fold_in(ratings).users
        self.drift_starts = np.zeros(ratings.shape[0] + 1, dtype=np.int64)
        self.drift_usual = np.zeros(ratings.shape[0])
        self.drift_times, self.drift_means = np.zeros(0), np.zeros((0, len(self.drift_minutes)))

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        return self._biases.contributions(user, item)

    @property
    def _strengths(self) -> tuple[float, float]:
        return self.user_regularization, self.item_regularization

    @property
    def _biases(self) -> Biases:
        return Biases(self.mean[0], self.user_bias, self.item_bias, *self._strengths)

    @property
    def _path(self) -> Path:
        means, none = self.drift_means, np.zeros_like(self.drift_means)
        strengths = np.full(len(self.drift_minutes), 1 / self.drift_regularization)
        of_ratings = self.drift_times, means, none
        return Path(self.drift_starts, *of_ratings, self._scales, strengths, self.drift_usual)

    @property
    def _scales(self) -> NDArray[np.float64]:
        return SECONDS_A_MINUTE * np.array(self.drift_minutes)
