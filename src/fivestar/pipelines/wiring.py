"""What nodes are made of: inputs by name, fixed arguments, the version of what they do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, get_type_hints

SIDE_BY_SIDE = "side_by_side"
"""Tag of long nodes: under every runner as many run at a time as there are cores."""
EXPECTED_MINUTES = "expected_minutes"
"""Output that says how long a model will take: no part of what the model is made of."""

Function = TypeVar("Function", bound=Callable[..., Any])


class Bound:
    """``functools.partial`` with a name and type hints.

    Kedro shows the name, and checks parameters by the hints; a partial has neither once it
    was sent to another process.

    Parameters
    ----------
    function
        The node's function.
    version
        Of what it does, see ``version``; the function's own unless it is given.
    fixed
        Its keyword-only arguments.
    """

    def __init__(
        self, function: Callable[..., Any], *, version: object = None, **fixed: Any
    ) -> None:
        self.function = function
        self.fixed = fixed
        self.version = version_of(function) if version is None else version
        self.__name__ = function.__name__
        self.__annotations__ = get_type_hints(function)
        self.__wrapped__ = function  # whose source kedro-viz shows
        self.__signature__ = inspect.signature(partial(function, **fixed))

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        return self.function(*inputs, **named, **self.fixed)


def named(*names: str, **datasets: str) -> dict[str, str]:
    """A node's inputs by argument; one that is given by its name alone is the dataset of that."""
    return {name: name for name in names} | datasets


def version(number: int) -> Callable[[Function], Function]:
    """Number what a node's function does; raise it where the same inputs give other results.

    Outputs that an earlier version has made are then stale.
    """

    def numbered(function: Function) -> Function:
        function.version = number  # type: ignore[attr-defined]
        return function

    return numbered


def version_of(function: Callable[..., Any]) -> object:
    """The version of a node's function, 1 where it has none."""
    return getattr(function, "version", 1)
