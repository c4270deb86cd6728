"""A node's function with some arguments fixed when the pipeline is drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, get_type_hints


class Bound:
    """``functools.partial`` with a name and type hints.

    Kedro shows the name, and checks parameters by the hints; a partial has neither once it
    was sent to another process.

    Parameters
    ----------
    function
        The node's function.
    fixed
        Its keyword-only arguments.
    """

    def __init__(self, function: Callable[..., Any], **fixed: Any) -> None:
        self.function = function
        self.fixed = fixed
        self.__name__ = function.__name__
        self.__annotations__ = get_type_hints(function)
        self.__wrapped__ = function  # whose source kedro-viz shows
        self.__signature__ = inspect.signature(partial(function, **fixed))

    def __call__(self, *inputs: Any) -> Any:
        return self.function(*inputs, **self.fixed)
