"""Random numbers of users: each their own, or the same for all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

Array = NDArray[np.floating]


class Draws:
    """Draws for every user, whose ratings ``starts`` delimits as in CSR.

    With common random numbers all users get the same ones: each user's draws are right, and
    do not depend on which other users there are.
    """

    def __init__(
        self, starts: NDArray[np.integer], random: np.random.Generator, *, common: bool = False
    ) -> None:
        self.starts = starts.astype(np.intp)
        self.counts = np.diff(self.starts)
        self.n_users = len(self.counts)
        self.random = random
        self.common = common

    def normal(self, size: int, dtype: Any = np.float64) -> Array:
        """Standard normal, (n_users, size)."""
        rows = self.random.standard_normal((1 if self.common else self.n_users, size), dtype)
        return np.tile(rows, (self.n_users, 1)) if self.common else rows

    def uniform(self) -> Array | float:
        """Of (0, 1), (n_users,) or one for all."""
        return self.random.random(None if self.common else self.n_users)

    def gamma(self, shapes: Array) -> Array:
        """Gamma of these shapes and rate 1, (n_users,)."""
        if not self.common:
            return self.random.gamma(shapes)
        return np.asarray(gammaincinv(shapes, self.random.random()))

    def uniform_per_rating(self) -> Array:
        """Of (0, 1), (n_ratings,) float32."""
        if not self.common:
            return self.random.random(int(self.starts[-1]), dtype=np.float32)
        # From a stream of their own, for it is as long as the longest list of ratings.
        stream = np.random.default_rng(self.random.integers(1 << 32))
        uniforms = stream.random(self.counts.max(), dtype=np.float32)
        first = np.repeat(self.starts[:-1], self.counts)
        return np.asarray(uniforms[np.arange(self.starts[-1]) - first])
