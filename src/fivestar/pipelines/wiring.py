"""A node's function with some arguments fixed when the pipeline is drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, get_type_hints


def bind(function: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    """``functools.partial`` that keeps the type hints, by which Kedro checks parameters."""
    bound = partial(function, **fixed)
    bound.__annotations__ = get_type_hints(function)
    return bound
