"""Errors that are a user's to fix, told in one message and without a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError


class InputError(Exception):
    """A file, a row or a setting that cannot be used as it is.

    The message names where (file, column, row), what, and how to fix it.
    """


class NoTimes(InputError):  # noqa: N818 - what a model that needs times says of the data
    """Raised where a model needs the times of the ratings, and there are none."""


class TooSlow(Exception):  # noqa: N818 - the training loop's word to whoever trains
    """Raised when the first steps of a fit show that the whole would take longer than allowed.

    Parameters
    ----------
    seconds
        That the whole would take.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


def did_you_mean(name: str, known: Iterable[str], n: int = 1) -> str:
    """A question that offers the ``n`` known names most like a wrong one.

    Returns
    -------
    ``Did you mean 'als'?`` or ``Did you mean one of 'als', 'als_wide'?``; empty where nothing is
    like it, so that ``did_you_mean(name, known) or f"Known are {known}."`` always advises.

    Examples
    --------
    >>> did_you_mean("alz", ["als", "bias"])
    "Did you mean 'als'?"
    """
    # Imported here: most commands make no mistake.
    from rapidfuzz import fuzz, process

    like = process.extract(
        name, list(known), scorer=fuzz.ratio, processor=str.casefold, limit=n, score_cutoff=60
    )
    if not like:
        return ""
    return f"Did you mean {'one of ' * (len(like) > 1)}{', '.join(repr(one) for one, *_ in like)}?"


def explain(error: ValidationError, known_at: Callable[[Sequence[Any]], list[str]]) -> str:
    """What is wrong with settings, each mistake in a few words.

    Parameters
    ----------
    known_at
        Names of the settings that there are inside the one at a path; ``()`` is the outermost.
    """
    mistakes = []
    for detail in error.errors(include_url=False):
        *path, _ = detail["loc"] or ("",)
        setting = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            known = [".".join([*map(str, path), name]) for name in known_at(path)]
            advice = did_you_mean(setting, known) or f"Known are {', '.join(known)}."
            mistakes.append(f"unknown setting {setting!r}. {advice}")
        elif detail["type"] == "missing":
            mistakes.append(f"{setting} is missing")
        elif detail["type"] == "value_error" and not setting:
            mistakes.append(message)
        else:
            mistakes.append(f"{setting} is {detail['input']!r}: {message}".strip())
    return "; ".join(mistakes)
