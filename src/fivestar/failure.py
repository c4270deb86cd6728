"""A model that failed, as a value: the other models of the run go on."""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fivestar.errors import NoTimes, TooSlow
from fivestar.faults import explain

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Failure:
    """What stands in for a model whose training or evaluation raised an error.

    Parameters
    ----------
    reason
        The error in one line.
    details
        Its traceback.
    skipped
        Whether the model was left out on purpose: it would take too long, or needs times.
    """

    reason: str
    details: str = ""
    skipped: bool = False


def surviving(step: Callable[..., Result]) -> Callable[..., Result | Failure]:
    """Make an error of one model's step its result, so that the other models go on.

    The step takes the keyword ``label``, the model's name. The run as a whole still ends with
    an error that names the failed models.
    """

    @functools.wraps(step)
    def attempt(*args: Any, **kwargs: Any) -> Result | Failure:
        try:
            return step(*args, **kwargs)
        except (NoTimes, TooSlow) as error:
            logger.warning("%s: skipped, the other models go on: %s", kwargs["label"], error)
            return Failure(str(error), skipped=True)
        except Exception as error:
            reason = explain(error) or f"{type(error).__name__}: {error}"
            logger.error("%s: failed, the other models go on: %s", kwargs["label"], reason)
            logger.debug("", exc_info=True)
            return Failure(reason, traceback.format_exc())

    return attempt
