"""Long nodes side by side, as many as there are cores, and how long the rest of them takes."""

from __future__ import annotations

import heapq
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol, SharedMemoryDataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from fivestar.pipelines.wiring import SIDE_BY_SIDE, Bound

QUEUEING = 0.1
"""Seconds until all long nodes that can begin have come to the queue."""

logger = logging.getLogger(__name__)

AS_LONG_AGAIN = 1.7
"""Expected time of a node of a new kind over the time that it has run."""


class Turns:
    """Lets a number of threads go on at a time, the one with the lowest rank first.

    Parameters
    ----------
    n
        How many.
    """

    def __init__(self, n: int) -> None:
        self._free = n
        self._changed = threading.Condition()
        self._waiting: list[int] = []

    def take(self, rank: int) -> None:
        """Wait for one's turn, but first for all that begin at the same time to queue up."""
        with self._changed:
            heapq.heappush(self._waiting, rank)
        time.sleep(QUEUEING)
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 and self._waiting[0] == rank)
            heapq.heappop(self._waiting)
            self._free -= 1
            self._changed.notify_all()

    def give_back(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify_all()


@dataclass
class Clock:
    """How long long nodes took, by what they work on, and how long the rest will take.

    Attributes
    ----------
    kinds : what each node works on, by its name, in the order in which they begin; nodes of one
        kind take equally long
    started, seconds : when a node began, and how long it took once it is done
    """

    kinds: Mapping[str, str]
    started: MutableMapping[str, float] = field(default_factory=dict)
    seconds: MutableMapping[str, float] = field(default_factory=dict)

    def left(self, now: float, workers: int) -> float:
        """Seconds until all nodes are done, if they go on in their order.

        A node takes as long as others of its kind took. Where none is done, it takes as long as
        the longest kind that is, for the simple kinds come first; or, if that is more,
        ``AS_LONG_AGAIN`` times as long as it has run.
        """
        expected = self._expected(now)
        longest = max(expected.values(), default=0.0)
        free = [0.0] * workers
        for name, kind in self.kinds.items():
            if name not in self.seconds:
                passed = now - self.started.get(name, now)
                left = max(expected.get(kind, longest) - passed, 0.0)
                heapq.heapreplace(free, free[0] + left)
        return max(free)

    def _expected(self, now: float) -> dict[str, float]:
        """Seconds by kind, of those of which something is known."""
        known: dict[str, list[float]] = {}
        for name, seconds in self.seconds.items():
            known.setdefault(self.kinds[name], []).append(seconds)
        expected = {kind: sum(values) / len(values) for kind, values in known.items()}
        longest = max(expected.values(), default=0.0)
        for name in set(self.started.keys()) - set(self.seconds.keys()):
            passed, kind = now - self.started[name], self.kinds[name]
            at_least = passed if kind in known else max(AS_LONG_AGAIN * passed, longest)
            expected[kind] = max(expected.get(kind, 0.0), at_least)
        return expected


class SideBySideHook:
    """Gives long nodes their turns under threads, and tells how long the rest will take."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._models: dict[str, Any] = context.params["models"]

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        nodes = sorted(_long(pipeline.nodes), key=self._rank)
        if run_params.get("only_missing_outputs"):
            nodes = [
                node for node in nodes if not all(catalog.exists(name) for name in node.outputs)
            ]
        self._ranks = {node.name: rank for rank, node in enumerate(nodes)}
        self._workers = min(os.cpu_count() or 1, max(len(nodes), 1))
        self._turns = Turns(self._workers)
        kinds = {node.name: _kind(node) for node in nodes}
        from fivestar.models import find  # heavy, and not needed by most commands

        for kind in self._models.keys() & kinds.values():
            find(str(self._models[kind].get("family")))  # imported before the clock starts
        if nodes and isinstance(catalog, SharedMemoryDataCatalog):
            shared = multiprocessing.Manager()
            self._clock = Clock(kinds, shared.dict(), shared.dict())
        else:
            self._clock = Clock(kinds)

    @hook_impl(trylast=True)
    def before_node_run(self, node: Node) -> None:
        if node.name in self._ranks:
            self._turns.take(self._ranks[node.name])
            self._clock.started[node.name] = time.monotonic()

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        self._end(node)

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        self._end(node)

    def _rank(self, node: Node) -> tuple[int, int, str]:
        """Fold by fold, so that every model's time is known early, the simple models first."""
        kind = _kind(node)
        place = list(self._models).index(kind) if kind in self._models else 0
        return int(_fixed(node).get("fold", 0)), place, node.name

    def _end(self, node: Node) -> None:
        if node.name not in self._ranks:
            return
        now = time.monotonic()
        clock = self._clock
        clock.seconds[node.name] = now - clock.started[node.name]
        self._turns.give_back()
        logger.info(
            "progress: %d of %d done, about %s left",
            *(len(clock.seconds), len(self._ranks), _shown(clock.left(now, self._workers))),
        )


def _long(nodes: Iterable[Node]) -> list[Node]:
    return [node for node in nodes if SIDE_BY_SIDE in node.tags]


def _fixed(node: Node) -> Mapping[str, Any]:
    return node.func.fixed if isinstance(node.func, Bound) else {}


def _kind(node: Node) -> str:
    return str(_fixed(node).get("label", node.name))


def _shown(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} minutes"
