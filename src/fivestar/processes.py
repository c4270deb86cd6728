"""Worker processes that do not outlive the run that they work for."""

from __future__ import annotations

import multiprocessing
import os
import threading
from functools import cache
from multiprocessing import util


def end_with_parent() -> None:
    """Have this worker end when the run that it works for is killed: nobody waits for it."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


@cache
def forked_end_with_parent() -> None:
    """Have all processes do so that are forked from now on, those that only serve others too."""
    util.register_after_fork(util, lambda _: end_with_parent())


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
