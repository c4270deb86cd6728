"""Random numbers of users: each their own, or the same for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from fivestar.models.threads import rows_in_threads

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

    def uniform(self) -> Array:
        """Of (0, 1), (n_users,)."""
        if self.common:
            return np.full(self.n_users, self.random.random())
        return self.random.random(self.n_users)

    def gamma(self, shapes: Array) -> Array:
        """Gamma of these shapes and rate 1, (n_users,)."""
        if not self.common:
            return self.random.gamma(shapes)
        return np.asarray(gammaincinv(shapes, self.random.random()))

    def stream(self) -> np.uint64:
        """The key of a stream of uniforms of the ratings; see ``probit.uniform``."""
        return np.uint64(self.random.integers(1 << 64, dtype=np.uint64))

    def each_part(self, work: Callable[[int, int], object], cost: float) -> None:
        """Call ``work(first, end)`` for parts of the users, in threads.

        ``cost`` of a rating is in multiplications.
        """
        rows_in_threads(work, self.starts, cost * float(self.starts[-1]))
