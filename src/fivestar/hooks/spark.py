"""The Spark session of a run whose parameters say ``engine: spark``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from fivestar.config import loader_of
from fivestar.hooks.line_up import SPARK
from fivestar.spark.session import is_started, require_spark, start_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkHook:
    """Starts the session before anything asks for a table, and stops it at the end.

    One that is there already, as managed services start one, is used and left running.
    """

    def __init__(self) -> None:
        self._settings: dict[str, Any] | None = None
        self._session: SparkSession | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._settings = None
        if loader_of(context)["parameters"]["engine"] == SPARK:
            require_spark()
            self._settings = loader_of(context)["spark"]

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self) -> None:
        if self._settings is not None and not is_started():
            self._session = start_session(self._settings)

    @hook_impl(wrapper=True)
    def after_pipeline_run(self) -> Iterator[None]:
        try:
            return (yield)
        finally:
            self._stop()

    @hook_impl(wrapper=True)
    def on_pipeline_error(self) -> Iterator[None]:
        try:
            return (yield)
        finally:
            self._stop()

    def _stop(self) -> None:
        if self._session is not None:
            self._session.stop()
            self._session = None
