"""Runners that take the longest node first, so that none is left over at the end."""

from __future__ import annotations

import heapq
import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from kedro.runner import ParallelRunner, ThreadRunner
from kedro.runner.task import Task

from fivestar.hooks.line_up import zoo

QUEUEING = 0.005
"""Seconds until all nodes that can begin have come to the queue."""


class Order:
    """The order of nodes that can begin, given the models by the time that they are taken to train.

    Models that have their block further down among ``models`` are taken to train longer: the
    simple ones come first there. Whatever else can begin waits for them.
    """

    def __init__(self) -> None:
        self.models = list(zoo())

    def __call__(self, task: Task) -> int:
        """The rank of a node's task; lower ones begin first."""
        model = task.node.namespace
        return -self.models.index(model) if model in self.models else 1


class LongestFirstInThreads(ThreadRunner):
    """Kedro's ``ThreadRunner``, which takes nodes as they come, with an order."""

    def _get_executor(self, max_workers: int) -> Executor:
        return ByRank(max_workers, Order())


class LongestFirstInProcesses(ParallelRunner):
    """Kedro's ``ParallelRunner``, which takes nodes as they come, with an order.

    Models that train side by side do not wait for Python's lock.
    """

    def _get_executor(self, max_workers: int) -> Executor:
        processes = super()._get_executor(max_workers)
        processes.submit(int).result()  # all are forked while there are no threads yet

        def run(task: Task) -> Any:
            task.parallel = True
            return processes.submit(task).result()

        return ByRank(max_workers, Order(), run, processes.shutdown)


FORKS = multiprocessing.get_start_method() == "fork"
LongestFirst = LongestFirstInProcesses if FORKS else LongestFirstInThreads


class ByRank(ThreadPoolExecutor):
    """A pool that begins the task of the lowest rank among those that wait.

    Parameters
    ----------
    rank
        Of a task.
    run
        Does a task in one of the pool's threads; calls it unless given.
    close
        Called at the end.
    """

    def __init__(
        self,
        max_workers: int,
        rank: Callable[[Any], int],
        run: Callable[[Any], Any] = lambda task: task(),
        close: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(max_workers)
        self._rank, self._run, self._close = rank, run, close
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, int, Callable[[], Any], Future[Any]]] = []
        self._n_submitted = 0

    def submit(self, fn: Callable[[], Any]) -> Future[Any]:  # type: ignore[override]
        """As of any executor, of a task that takes no arguments."""
        future: Future[Any] = Future()
        with self._lock:
            self._n_submitted += 1
            heapq.heappush(self._waiting, (self._rank(fn), self._n_submitted, fn, future))
        super().submit(self._take)
        return future

    def shutdown(self, *args: Any, **kwargs: Any) -> None:
        """As of any executor."""
        super().shutdown(*args, **kwargs)
        self._close()

    def _take(self) -> None:
        time.sleep(QUEUEING)
        with self._lock:
            _, _, task, future = heapq.heappop(self._waiting)
        try:
            future.set_result(self._run(task))
        except BaseException as error:
            future.set_exception(error)
