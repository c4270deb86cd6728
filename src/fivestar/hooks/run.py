"""One run: it has its place for itself, starts from fresh inputs, and ends cleanly."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from fivestar.config import loader_of
from fivestar.files import remove_incomplete
from fivestar.garbage import look_as_usual
from fivestar.hooks.lineage import LineageHook
from fivestar.hooks.parameters import check_models
from fivestar.hooks.place_lock import PlaceLock
from fivestar.hooks.tracking import TrackingHook
from fivestar.lineage.files import local_files

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class RunHook:
    """Locks the place, has the inputs checked, and ends a run that is told to stop.

    Parameters
    ----------
    lineage
        Checks the inputs, once nobody else can write.
    tracking
        Whose open runs are ended as KILLED by SIGINT and SIGTERM.
    """

    def __init__(self, lineage: LineageHook, tracking: TrackingHook) -> None:
        self._lineage, self._tracking = lineage, tracking
        self._locks: list[PlaceLock] = []
        self._handlers: dict[signal.Signals, Any] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._project = Path(context.project_path)
        self._place: str = loader_of(context).place
        self._environment: str = loader_of(context).environment
        self._parameters = loader_of(context)["parameters"]
        self._wait = bool(self._parameters.get("wait"))

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        self._end()  # of an earlier run of this process that failed before its first node
        try:
            for place in self._places(pipeline, catalog):
                lock = PlaceLock(self._project, place)
                self._locks.append(lock)
                lock.acquire(wait=self._wait)
                self._remove_incomplete(place)
            self._lineage.check(run_params, pipeline, catalog)
            check_models(self._lineage.to_run(run_params, pipeline), self._parameters)
        except BaseException:
            self._end()
            raise
        look_as_usual()
        if threading.current_thread() is threading.main_thread():
            self._process = os.getpid()
            self._handlers = {each: signal.signal(each, self._stop) for each in SIGNALS}

    @hook_impl(wrapper=True)
    def after_pipeline_run(self) -> Iterator[None]:
        try:
            return (yield)
        finally:
            self._end()

    @hook_impl(wrapper=True)
    def on_pipeline_error(self) -> Iterator[None]:
        try:
            return (yield)
        finally:
            self._end()

    def _end(self) -> None:
        for each, handler in self._handlers.items():
            signal.signal(each, handler)
        self._handlers = {}
        self._release()

    def _release(self) -> None:
        while self._locks:
            self._locks.pop().release()

    def _remove_incomplete(self, place: str) -> None:
        """Delete what killed runs were writing in a place; nobody else writes there now."""
        folds = "" if "/" in place else "fold-*"  # places of their own
        for layer in (self._project / "data").glob("0[2-8]_*"):
            remove_incomplete(layer / place, leave_out=folds)

    def _places(self, pipeline: Pipeline, catalog: CatalogProtocol) -> list[str]:
        """The run's place, and the environment where outputs are not of one fold but of all."""
        outputs = [catalog.get(name) for name in pipeline.all_outputs() if name in catalog]
        files = [path for output in outputs for path in local_files(output)]
        inside = all(f"/{self._place}/" in path.as_posix() for path in files)
        return [self._place] if inside else [self._place, self._environment]

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """End the process: at once in a worker, else once the open MLflow runs are closed.

        In a thread of its own, for the signal may have interrupted a transaction of MLflow,
        which then goes on and frees the store.
        """
        code = 128 + number
        if os.getpid() != self._process:
            os._exit(code)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        threading.Thread(target=self._stop_run, args=[code]).start()

    def _stop_run(self, code: int) -> None:
        logger.warning("stopped: the run was told to end; models that were not done are KILLED")
        try:
            self._tracking.kill_open_runs()
            for worker in multiprocessing.active_children():
                worker.kill()
            self._release()
        finally:
            logging.shutdown()
            os._exit(code)
