"""The scale of the ratings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real


@dataclass(frozen=True)
class Scale:
    """The stars a rating may take.

    Parameters
    ----------
    lowest, highest
        Both ends belong to the scale.

    Examples
    --------
    >>> Scale(5, 1)
    Traceback (most recent call last):
    ValueError: scale: lowest (5) must lie below highest (1)
    """

    lowest: float
    highest: float

    def __post_init__(self) -> None:
        for name in ("lowest", "highest"):
            end = getattr(self, name)
            if not isinstance(end, Real) or not math.isfinite(end):
                raise ValueError(f"{name} of the scale is {end!r}: it should be a finite number")
        if not self.lowest < self.highest:
            raise ValueError(
                f"scale: lowest ({self.lowest}) must lie below highest ({self.highest})"
            )
