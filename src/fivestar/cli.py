"""``kedro run`` that tells a user's mistake in one message instead of a traceback."""

from __future__ import annotations

import copy
import functools
import logging
import re
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import kedro
import yaml
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import KedroCliError
from kedro.utils import load_obj
from kedro.validation.exceptions import ParameterValidationError

from fivestar.chosen_nodes import wrong_name
from fivestar.config_files import no_yaml
from fivestar.errors import InputError
from fivestar.faults import explain
from fivestar.garbage import look_rarely

logger = logging.getLogger(__name__)

MISTAKE = re.compile(
    r"^- Parameter '([\w.]+)': Failed to instantiate \w+ for parameter '\1': ", re.MULTILINE
)
"""How Kedro begins to tell what is wrong with a parameter."""
NO_ENTRY = re.compile(r"Pipeline input\(s\) \{(.*)\} not found in the ")
"""How it tells that the catalog lacks what a pipeline starts from."""


def plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn errors that people can fix into click's own, which are shown as one message."""

    @functools.wraps(command)
    def run_plainly(*args: Any, **kwargs: Any) -> Any:
        logging.raiseExceptions = False  # a log on a full disk would tell of itself line by line
        try:
            return command(*args, **kwargs)
        except KedroCliError as error:  # whose own way to be shown is an empty traceback
            raise click.UsageError(error.message) from error
        except click.ClickException:
            raise
        except KeyboardInterrupt:  # before the run has begun, which ends itself
            sys.exit(128 + signal.SIGINT)
        except Exception as error:
            logger.debug("the run failed", exc_info=True)
            machine = None if isinstance(error, InputError) else explain(error)
            if isinstance(error, yaml.MarkedYAMLError):
                place = error.problem_mark.name if error.problem_mark else "--config"
                machine = f"{place}: {no_yaml(error)}"
            if machine is None and not is_users_to_fix(error):
                raise
            wrong = wrong_name(kwargs) if isinstance(error, ValueError) else None
            raise click.ClickException(machine or wrong or told(error)) from error

    return run_plainly


def told(error: Exception) -> str:
    """The error's message, without what Kedro says of its own classes."""
    text = str(error) if not isinstance(error, KeyError) else " ".join(map(str, error.args))
    if isinstance(error, ParameterValidationError):
        _, _, mistakes = text.partition("\n")
        return MISTAKE.sub(r"parameter \1: ", mistakes)
    if lacking := NO_ENTRY.match(text):
        return (
            f"the catalog has no entry {lacking[1]}. Add it to conf/<environment>/catalog.yml, or "
            "look how it is written there."
        )
    return text


def is_users_to_fix(error: Exception) -> bool:
    """Our own input errors, and what Kedro itself refuses (a name, a parameter, a file)."""
    innermost = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return isinstance(error, InputError) or innermost.is_relative_to(Path(kedro.__file__).parent)


def by_name(command: Callable[..., Any]) -> Callable[..., Any]:
    """Name the default pipeline where none is asked for: Kedro would else register all."""

    @functools.wraps(command)
    def run_by_name(*args: Any, **kwargs: Any) -> Any:
        look_rarely()
        if kwargs["pipeline"] and kwargs["pipelines"]:
            raise InputError("--pipeline and --pipelines: give one of the two.")
        if kwargs["load_versions"]:
            raise InputError("--load-versions: no dataset here has versions; leave it out.")
        if not kwargs["pipeline"]:
            kwargs["pipelines"] = kwargs["pipelines"] or ["__default__"]
        if kwargs["runner"]:
            require_runner(kwargs["runner"])
        return command(*args, **kwargs)

    return run_by_name


def require_runner(name: str) -> None:
    """Refuse a runner that does not exist.

    Raises
    ------
    InputError
        With some that do.
    """
    try:
        load_obj(name, "kedro.runner")
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"--runner: there is no {name!r} ({error}). Write SequentialRunner, ThreadRunner, "
            "ParallelRunner or fivestar.runner.LongestFirst."
        ) from error


run = copy.copy(kedro_run)
assert kedro_run.callback is not None
run.callback = plainly(by_name(kedro_run.callback))
run.params = [copy.copy(option) for option in kedro_run.params]
for option in run.params:
    option.callback = option.callback and plainly(option.callback)

cli = click.Group("fivestar", commands=[run])
