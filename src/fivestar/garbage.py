"""What Python's garbage collector need not look through: all that libraries make of themselves.

Kedro, MLflow, numba and torch make objects by the hundred thousand that live as long as the
process. The collector goes through them again and again while they are made, and once more when
the process ends, which takes seconds.
"""

from __future__ import annotations

import atexit
import gc

RARELY = 100_000, 20, 20
"""Thresholds as of a process that makes much and drops little."""
USUAL = gc.get_threshold()


def look_rarely() -> None:
    """While a command starts; and let the process end without a last look."""
    gc.set_threshold(*RARELY)
    atexit.register(gc.freeze)


def look_as_usual() -> None:
    """From now on, at what is made from now on: what models drop may be large.

    Nothing changes in a process that a command did not start, such as a notebook's.
    """
    if gc.get_threshold() == RARELY:
        gc.freeze()
        gc.set_threshold(*USUAL)
