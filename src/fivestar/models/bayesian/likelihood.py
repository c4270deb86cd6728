"""How a rating comes from a latent score: Gaussian noise, or ordered levels (probit)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivestar.models.bayesian.cutpoints import Cutpoints
from fivestar.models.bayesian.draws import Draws
from fivestar.models.bayesian.probit import sample_latent
from fivestar.models.compiled import compiled

Array = NDArray[np.floating]

COST_OF_DRAW = 100.0
"""Of a latent rating, in multiplications that take as long."""


class Noise:
    """Precisions a_u of the noise e_ui ~ N(0, 1 / a_u), about 1 / v.

    With a shape, a_u ~ Gamma(shape, rate shape v): users with few ratings get the noise of the
    others. Without, all users have the same a. Where the variance v is not given,
    shape v ~ Gamma(1, rate 1e-3), and a ~ Gamma(1, rate 1).

    Attributes
    ----------
    precisions : (n_users,) a_u
    """

    def __init__(self, n_users: int, variance: float, shape: float | None, given: bool) -> None:
        self.shape = shape
        self.rate = (shape or 1) * variance
        self.precisions = np.full(n_users, 1 / variance)
        self.given = given

    @property
    def variance(self) -> float:
        return float(1 / self.precisions[0] if self.shape is None else self.rate / self.shape)

    def fix(self, variance: float) -> None:
        """Take the variance as given."""
        if self.shape is None or not self.given:
            self.precisions[:] = 1 / variance
        self.rate = (self.shape or 1) * variance
        self.given = True

    def sample(self, draws: Draws, residuals: Array) -> None:
        """Draw the precisions given latent ratings less scores, (n_ratings,)."""
        if self.shape is not None:
            rates = self.rate + sums_of_squares(draws, residuals) / 2
            self.precisions = draws.gamma(self.shape + draws.counts / 2) / rates
            if not self.given:
                rate = 1e-3 + float(self.precisions.sum())
                self.rate = draws.random.gamma(1 + self.shape * draws.n_users) / rate
        elif not self.given:
            rate = 1 + float(sums_of_squares(draws, residuals).sum()) / 2
            self.precisions[:] = draws.random.gamma(1 + len(residuals) / 2) / rate


class Gaussian:
    """r = f + e: the latent rating is the rating itself, less what the scores leave out.

    The cutpoints are given; only predicted probabilities use them.
    """

    def __init__(
        self, ratings: Array, cutpoints: Cutpoints, noise_shape: float | None, draws: Draws
    ) -> None:
        self.ratings, self.cutpoints, self.draws = ratings, cutpoints, draws
        variance = max(float(np.var(ratings)), 1e-3) / 2 if len(ratings) else 1.0
        self.noise = Noise(draws.n_users, variance, noise_shape, given=False)

    def latent(self, scores: Array) -> Array:
        return self.ratings


class OrdinalProbit:
    r"""Level j where the latent z = f + e lies between cutpoints j - 1 and j.

    P(level <= j) = Phi((c_j - f) sqrt(a)). z is drawn given the levels and the scores, then
    everything else as if z were a rating (Albert and Chib, "Bayesian Analysis of Binary and
    Polychotomous Response Data", 1993). The scale of z is free: the noise's variance is 1.
    ``levels``, (n_ratings,), are indices.
    """

    def __init__(
        self,
        levels: NDArray[np.int8],
        cutpoints: Cutpoints,
        noise_shape: float | None,
        draws: Draws,
    ) -> None:
        self.levels, self.cutpoints, self.draws = levels, cutpoints, draws
        self.noise = Noise(draws.n_users, 1.0, noise_shape, given=True)

    def latent(self, scores: Array) -> Array:
        """Move the cutpoints, then draw the latent ratings z, (n_ratings,), given f."""
        draws, cutpoints, roots = self.draws, self.cutpoints, np.sqrt(self.noise.precisions)
        cutpoints.sample(draws, self.levels, scores, roots)
        drawn, stream = np.empty_like(scores), draws.stream()

        def draw(first: int, end: int) -> None:
            edges = cutpoints.edges[first:end] if cutpoints.per_user else cutpoints.edges
            given = self.levels, scores, edges, roots[first:end], stream, draws.common
            sample_latent(draws.starts[first : end + 1], *given, drawn)

        draws.each_part(draw, COST_OF_DRAW)
        return drawn


Likelihood = Gaussian | OrdinalProbit


def sums_of_squares(draws: Draws, values: Array) -> Array:
    """Of each user's ratings' values, (n_users,)."""
    sums = np.empty(draws.n_users)
    draws.each_part(
        lambda first, end: _squares(draws.starts[first : end + 1], values, sums[first:end]), 1.0
    )
    return sums


@compiled
def _squares(starts: NDArray[np.integer], values: Array, sums: Array) -> None:
    for row in range(len(sums)):
        total = 0.0
        for p in range(starts[row], starts[row + 1]):
            value = float(values[p])
            total += value * value
        sums[row] = total
