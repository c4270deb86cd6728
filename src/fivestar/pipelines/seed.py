"""The seed of random choices, as a setting."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Lt

Seed = Annotated[int, Ge(0), Lt(2**32)]
"""What every generator takes: numpy's older one has 32 bits."""
