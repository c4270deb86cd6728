"""Models that are samples of a posterior: prediction, chances of each star, intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import ndtri

from fivestar.models.base import BLOCK, Distribution, FloatArray, Model, learned
from fivestar.models.bayesian import reading
from fivestar.models.factors import Factors
from fivestar.ratings import Positions

MOST_STARS = 20
"""Distinct ratings in train that are taken for stars; with more the scale is a continuum."""
MAX_NUMBERS = 1 << 27
"""Entries of the vectors that are made of samples, users and items together: half a GB."""
GRID = 41
"""Values that stand for a continuous scale in ``predict_distribution``."""


@dataclass(kw_only=True)
class PosteriorModel(Model):
    r"""A factorisation kept as samples of its unknowns given the ratings.

    In sample s the latent rating of a pair is f_s = x_u . y_i + b_u + b_i with noise of
    standard deviation 1 / root_us, and a prediction is the mean over the samples:

    - Gaussian: of f_s itself;
    - ordinal: of the expected star, star_1 + sum_j (star_{j+1} - star_j) Phi((f_s - c_sj) root_us).

    Attributes
    ----------
    user_samples, item_samples
        (n_users, n_kept, k + 1) and (n_items, n_kept, k + 1): factors and, last, biases
    roots
        (n_users, n_kept) one over the noise's standard deviation
    stars
        (n_stars,) the distinct ratings of train, or an even grid where they are too many
    shares
        (n_stars,) how often train has each
    cutpoints
        (n_users or 1, n_kept, n_stars - 1) latent ratings between one star and the next; for
        the Gaussian model the middles between stars
    ordinal
        (1,) whether the likelihood is ordinal
    user_prior_means, user_prior_precisions
        (n_kept, k + 1) and (n_kept, k + 1, k + 1) of the prior of a user's row
    user_coefficients
        (n_kept, n_directions, k + 1) what the prior's mean moves by with features of the user
    noise_means
        (n_kept,) mean of the prior of roots^2
    cutpoint_means, cutpoint_precisions
        (n_kept, n_stars - 1) of the users' cutpoints
    """

    user_samples: FloatArray = learned()
    item_samples: FloatArray = learned()
    roots: FloatArray = learned()
    cutpoints: FloatArray = learned()
    stars: FloatArray = learned(parameter=False)
    shares: FloatArray = learned(parameter=False)
    ordinal: NDArray[np.bool_] = learned(parameter=False)
    user_prior_means: FloatArray = learned(parameter=False)
    user_prior_precisions: FloatArray = learned(parameter=False)
    user_coefficients: FloatArray = learned(parameter=False)
    noise_means: FloatArray = learned(parameter=False)
    cutpoint_means: FloatArray = learned(parameter=False)
    cutpoint_precisions: FloatArray = learned(parameter=False)

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        return self._expected(users, items, 0, self.n_samples)

    def _expected(self, users: Positions, items: Positions, first: int, last: int) -> FloatArray:
        """Mean star over the samples from ``first`` to ``last - 1``, unclamped."""
        if not self.ordinal[0]:
            return self._moments(users, items, first, last)[0]
        expected: FloatArray = self.stars[0] + self._exceedance(users, items, first, last) @ (
            np.diff(self.stars).astype(np.float64)
        )
        return expected

    def predict_distribution(self, users: Positions, items: Positions) -> NDArray[np.float32]:
        """Probability of each star: what the samples say, noise included.

        A pair that ``predict`` falls back for gets the shares of the stars in train.

        Returns
        -------
        (n_pairs, n_stars) float32; rows sum to 1, columns are ``stars``.
        """
        users, items = np.asarray(users), np.asarray(items)
        chances = np.tile(self.shares.astype(np.float32), (len(users), 1))
        known = np.flatnonzero(self._knows(users, items))
        for start in range(0, len(known), BLOCK):
            block = known[start : start + BLOCK]
            above = self._exceedance(users[block], items[block], 0, self.n_samples)
            above = np.pad(above, ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0)))
            chances[block] = -np.diff(above, axis=1)
        return chances

    def predict_interval(
        self, users: Positions, items: Positions, coverage: Annotated[float, Gt(0), Lt(1)] = 0.9
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Ends of an interval that holds the rating with at least this probability.

        Ordinal: the stars at the lower and the upper quantile, both inside. Gaussian: mean
        and variance of the samples and the noise together, as a normal distribution. A pair
        that ``predict`` falls back for gets quantiles of the stars in train.

        Returns
        -------
        lower, upper
            (n_pairs,) stars.
        """
        tail = (1 - coverage) / 2
        users, items = np.asarray(users), np.asarray(items)
        below = np.cumsum(self.predict_distribution(users, items), axis=1, dtype=np.float64)
        top = len(self.stars) - 1
        # The tolerance: a sum of float32 may fall short of the whole by its rounding.
        lower, upper = (
            self.stars[np.minimum((below < level - 1e-6).sum(1), top)] for level in (tail, 1 - tail)
        )
        if not self.ordinal[0]:
            known = np.flatnonzero(self._knows(users, items))
            mean, variance = self._moments(users[known], items[known], 0, self.n_samples)
            variance += np.mean(self.roots.astype(np.float64) ** -2, axis=1)[users[known]]
            half = ndtri(1 - tail) * np.sqrt(variance)
            lower[known], upper[known] = mean - half, mean + half
            if self.clamp:
                lower, upper = np.clip(lower, *self._ends), np.clip(upper, *self._ends)
        lower, upper = self.unit * lower, self.unit * upper
        return lower.astype(np.float32), upper.astype(np.float32)

    # -- as a ``Distribution``

    @property
    def distribution(self) -> Distribution | None:
        return None if self.biases_only else self

    @property
    def ratings(self) -> FloatArray:
        levels: FloatArray = self.unit * self.stars
        return levels

    def probabilities(self, users: Positions, items: Positions) -> NDArray[np.float32]:
        return self.predict_distribution(users, items)

    def interval(
        self, users: Positions, items: Positions, coverage: float = 0.9
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.predict_interval(users, items, coverage)

    def _factors(self) -> Factors:
        """Samples end to end, so that a dot product is the mean over the samples' dot products.

        A factor has no meaning from one sample to the next, so the mean of vectors has none; the
        mean of dot products has.
        """
        n_users, n_samples, size = self.user_samples.shape
        n_items = len(self.item_samples)
        at_most = max(1, MAX_NUMBERS // ((n_users + n_items) * max(size - 1, 1)))
        taken = np.unique(np.linspace(0, n_samples - 1, min(n_samples, at_most)).astype(int))

        def vectors(samples: FloatArray) -> FloatArray:
            drawn: FloatArray = samples[:, taken, :-1].reshape(len(samples), -1)
            return drawn / np.float32(np.sqrt(len(taken)))

        of_items, of_users = (
            samples[:, :, -1].mean(1) for samples in (self.item_samples, self.user_samples)
        )
        return Factors(
            items=vectors(self.item_samples),
            users=vectors(self.user_samples),
            item_bias=of_items - of_items.mean(),
            user_bias=of_users - of_users.mean(),
            constant=float(of_items.mean() + of_users.mean()),
            in_ratings=not self.ordinal[0],
            exact=not self.ordinal[0] and len(taken) == n_samples,
        )

    # -- inside

    @property
    def n_samples(self) -> int:
        """Samples kept; fewer than wanted where the chain diverged."""
        return int(self.cutpoints.shape[1])

    @property
    def n_parameters(self) -> int:
        """Unknowns of one sample: (k + 1)(n_users + n_items), cutpoints, noise."""
        rows = self.user_samples[:, 0].size + self.item_samples[:, 0].size
        return int(rows + self.roots[:, 0].size + self.cutpoints[:, 0].size)

    def _set_stars(self, train: sparse.csr_array) -> bool:
        """The stars of train; returns whether they are few enough to be ordered levels."""
        values, counts = np.unique(train.data, return_counts=True)
        discrete = len(values) <= MOST_STARS
        if not discrete:
            values = np.linspace(*self._ends, GRID)
            middles = (values[1:] + values[:-1]) / 2
            counts = np.bincount(np.searchsorted(middles, train.data), minlength=GRID)
        self.stars = values.astype(np.float32)
        self.shares = (counts / train.nnz).astype(np.float32)
        return discrete

    def _exceedance(self, users: Positions, items: Positions, first: int, last: int) -> FloatArray:
        above = np.empty((len(users), self.cutpoints.shape[2]))
        samples = self.user_samples, self.item_samples, self.cutpoints, self.roots
        reading.exceedance(users, items, *samples, first, last, above)
        return above

    def _moments(
        self, users: Positions, items: Positions, first: int, last: int
    ) -> tuple[FloatArray, FloatArray]:
        mean, variance = np.empty(len(users)), np.empty(len(users))
        samples = self.user_samples, self.item_samples
        reading.score_moments(users, items, *samples, first, last, mean, variance)
        return mean, variance
