"""``kedro run`` that tells a user's mistake in one message instead of a traceback."""

from __future__ import annotations

import copy
import functools
import logging
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import kedro
from kedro.framework.cli.project import run as kedro_run

from fivestar.errors import InputError
from fivestar.faults import explain

logger = logging.getLogger(__name__)


def plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn errors that people can fix into click's own, which are shown as one message."""

    @functools.wraps(command)
    def run_plainly(*args: Any, **kwargs: Any) -> Any:
        logging.raiseExceptions = False  # a log on a full disk would tell of itself line by line
        try:
            return command(*args, **kwargs)
        except click.ClickException:
            raise
        except KeyboardInterrupt:  # before the run has begun, which ends itself
            sys.exit(128 + signal.SIGINT)
        except Exception as error:
            logger.debug("the run failed", exc_info=True)
            machine = None if isinstance(error, InputError) else explain(error)
            if machine is None and not is_users_to_fix(error):
                raise
            raise click.ClickException(machine or str(error)) from error

    return run_plainly


def is_users_to_fix(error: Exception) -> bool:
    """Our own input errors, and what Kedro itself refuses (a name, a parameter, a file)."""
    innermost = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return isinstance(error, InputError) or innermost.is_relative_to(Path(kedro.__file__).parent)


def by_name(command: Callable[..., Any]) -> Callable[..., Any]:
    """Name the default pipeline where none is asked for: Kedro would else register all."""

    @functools.wraps(command)
    def run_by_name(*args: Any, **kwargs: Any) -> Any:
        if not kwargs["pipeline"]:
            kwargs["pipelines"] = kwargs["pipelines"] or ["__default__"]
        return command(*args, **kwargs)

    return run_by_name


run = copy.copy(kedro_run)
assert kedro_run.callback is not None
run.callback = plainly(by_name(kedro_run.callback))

cli = click.Group("fivestar", commands=[run])
