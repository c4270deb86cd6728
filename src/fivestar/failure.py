"""A model that failed, as a value: the other models of the run go on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """What stands in for a model whose training raised an error.

    Parameters
    ----------
    reason
        The error in one line.
    details
        Its traceback.
    """

    reason: str
    details: str = ""
