"""Worker processes that do not outlive the run that they work for."""

from __future__ import annotations

import multiprocessing
import os
import threading
from functools import cache


@cache
def end_with_parent() -> None:
    """Have this worker end when the run that it works for is killed: nobody waits for it."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
