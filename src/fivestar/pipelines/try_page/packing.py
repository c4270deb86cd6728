"""Matrices as short text."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**15 - 1
"""Whole number of 16 bits that stands for a column's largest value."""


def packed(matrix: NDArray[np.floating]) -> dict[str, Any]:
    """A matrix as whole numbers of 16 bits in base64, row by row, with a scale for each column.

    An entry is off by 1/65,534 of its column's largest absolute value at the most. Half
    precision takes as much room and is off by up to 1/2,048 of each entry.
    """
    scales = np.abs(matrix, dtype=np.float64).max(axis=0, initial=0) / LARGEST
    scales[scales == 0] = 1
    whole = np.rint(matrix / scales).astype("<i2")
    return {"scales": scales.tolist(), "data": base64.b64encode(whole.tobytes()).decode("ascii")}


def unpacked(text: dict[str, Any]) -> NDArray[np.float32]:
    """The matrix, as the page reads it."""
    scales = np.array(text["scales"])
    whole = np.frombuffer(base64.b64decode(text["data"]), "<i2").reshape(-1, len(scales))
    matrix: NDArray[np.float32] = (whole * scales).astype(np.float32)
    return matrix
