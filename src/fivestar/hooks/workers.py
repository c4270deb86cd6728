"""Models side by side without fighting for cores: each node has its own small share."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol, SharedMemoryDataCatalog
from threadpoolctl import threadpool_limits

from fivestar.errors import InputError
from fivestar.processes import forked_end_with_parent

OWN_THREADS = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count() or 1)
"""Of our own loops, whose results do not depend on how many they are."""


class WorkersHook:
    """Limits the threads of every node, and refuses process pools where they cannot work.

    Numpy and torch get ``threads_per_node`` threads under every runner: sums then run in the same
    order, and the metrics of all runners agree to the last digit. One thread also keeps a
    worker that was forked after torch had started its threads from waiting for them forever.
    Threads of the runner take nodes in turn where the cores are too few for all.
    """

    def __init__(self) -> None:
        forked_end_with_parent()  # before ParallelRunner forks the process that shares its data

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        n_cores = os.cpu_count() or 1
        self._threads = int(context.params["threads_per_node"] or n_cores)
        self._n_nodes = max(1, n_cores // self._threads)
        # Read by libraries that are loaded later, such as torch.
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(self._threads)

    @hook_impl
    def before_pipeline_run(self, catalog: CatalogProtocol) -> None:
        self._free = threading.Semaphore(self._n_nodes)
        by_processes = isinstance(catalog, SharedMemoryDataCatalog)
        if by_processes and multiprocessing.get_start_method() != "fork":
            raise InputError(
                "ParallelRunner needs processes that are forked; on this system they are "
                "spawned and would lack the project's settings. Use `--runner ThreadRunner`."
            )

    @hook_impl(wrapper=True)
    def before_node_run(self) -> Iterator[None]:
        self._free.acquire()
        self._limit_threads()
        try:
            return (yield)
        except BaseException:  # of another hook: the node does not run, others wait for its turn
            self._free.release()
            raise

    def _limit_threads(self) -> None:
        os.environ["FIVESTAR_NUM_THREADS"] = OWN_THREADS
        threadpool_limits(limits=self._threads)
        if "torch" in sys.modules:
            import torch  # waits where another thread is importing it just now

            torch.set_num_threads(self._threads)

    @hook_impl
    def after_node_run(self) -> None:
        self._free.release()

    @hook_impl
    def on_node_error(self) -> None:
        self._free.release()

    @hook_impl
    def after_pipeline_run(self) -> None:
        os.environ.pop("FIVESTAR_NUM_THREADS", None)

    @hook_impl
    def on_pipeline_error(self) -> None:
        os.environ.pop("FIVESTAR_NUM_THREADS", None)
