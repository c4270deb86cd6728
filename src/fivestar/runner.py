"""A runner whose threads take the longest node first, so that none is left over at the end."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import ThreadRunner
from pluggy import PluginManager

from fivestar.hooks.line_up import zoo

QUEUEING = 0.005
"""Seconds until all nodes that can begin have come to the queue."""


class LongestFirst(ThreadRunner):
    """Kedro's ``ThreadRunner``, which takes nodes as they come, with an order.

    Models that have their block further down among ``models`` are taken to train longer: the
    simple ones come first there. Whatever else can begin waits for them.
    """

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        self._models = list(zoo())
        super()._run(pipeline, catalog, hook_manager, run_id)

    def _get_executor(self, max_workers: int) -> Executor:
        return ByRank(max_workers, lambda task: self._rank(task.node))

    def _rank(self, node: Node) -> int:
        return -self._models.index(node.namespace) if node.namespace in self._models else 1


class ByRank(ThreadPoolExecutor):
    """A pool that begins the task of the lowest rank among those that wait.

    Parameters
    ----------
    rank
        Of a task.
    """

    def __init__(self, max_workers: int, rank: Callable[[Any], int]) -> None:
        super().__init__(max_workers)
        self._rank = rank
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

    def _take(self) -> None:
        time.sleep(QUEUEING)
        with self._lock:
            _, _, task, future = heapq.heappop(self._waiting)
        try:
            future.set_result(task())
        except BaseException as error:
            future.set_exception(error)
