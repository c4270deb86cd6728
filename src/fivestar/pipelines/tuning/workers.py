"""Calls side by side, each in a process with its own interpreter."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

from fivestar.processes import end_with_parent

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_shared: Any = None
"""Of a worker: what all its calls are given, sent once."""


def n_cores() -> int:
    return os.cpu_count() or 1


def side_by_side(
    function: Callable[[Any, Argument], Result],
    shared: Any,
    arguments: Sequence[Argument],
    n_workers: int,
) -> Iterator[Result]:
    """Results of ``function(shared, argument)``, in the order in which they are done.

    Processes, not threads: models that learn from minibatches spend much of their time in the
    interpreter, which one thread at a time may use. They are spawned, since a process that is
    forked after torch has started its threads may wait for them forever. With one worker all
    happens in this process.

    Parameters
    ----------
    function
        A function of a module.
    shared
        What can be pickled and is large, such as data.
    """
    n_workers = min(n_workers, len(arguments))
    if n_workers <= 1:
        yield from (function(shared, argument) for argument in arguments)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_workers, context, _start, (shared,)) as pool:
        futures = [pool.submit(_call, function, argument) for argument in arguments]
        try:
            yield from (future.result() for future in as_completed(futures))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _start(shared: Any) -> None:
    """Of a worker: the parent tells of its results, and ends it."""
    global _shared  # noqa: PLW0603 - a process of its own
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    logging.getLogger("fivestar").addHandler(logging.NullHandler())


def _call(function: Callable[[Any, Argument], Result], argument: Argument) -> Result:
    return function(_shared, argument)
