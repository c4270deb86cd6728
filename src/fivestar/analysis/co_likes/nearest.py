"""Items that lie closest to others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def nearest(
    vectors: NDArray[np.floating], liked: Sequence[int], allowed: NDArray[np.bool_], n: int
) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    """The items closest by angle to the mean direction of the liked ones, and their cosines.

    Parameters
    ----------
    vectors
        (n_items, rank).
    liked
        Positions of one item or more; they are left out of the answer.
    allowed
        (n_items,) which items may be in the answer.
    """
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    towards = directions[list(liked)].mean(0)
    cosines = directions @ (towards / max(float(np.linalg.norm(towards)), 1e-12))
    allowed = allowed.copy()
    allowed[list(liked)] = False
    order = np.argsort(-cosines, kind="stable")
    order = order[allowed[order]][:n]
    return order, cosines[order]
