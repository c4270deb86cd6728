"""The highest scores of each row, compiled: in one pass, almost all of it comparisons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivestar.models.compiled import compiled
from fivestar.ratings import Indices


@compiled
def fill_best(scores: NDArray[np.floating], chosen: Indices) -> None:
    """Put the columns of each row's highest scores into ``chosen``, as far as there are any."""
    n = chosen.shape[1]
    highest = np.empty(n, scores.dtype)
    for row in range(len(scores)):
        found, edge = 0, -np.inf
        for column in range(scores.shape[1]):
            value = scores[row, column]
            if value > edge:
                place = min(found, n - 1)  # the last of n drops out
                while place > 0 and highest[place - 1] < value:
                    highest[place] = highest[place - 1]
                    chosen[row, place] = chosen[row, place - 1]
                    place -= 1
                highest[place], chosen[row, place] = value, column
                found = min(found + 1, n)
                if found == n:
                    edge = highest[n - 1]
