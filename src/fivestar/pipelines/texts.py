"""Lists of titles, ids or names that can be written on the command line too."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator


def _texts(given: Any) -> Any:
    """A list, or one text with semicolons (Kedro splits ``--params`` at commas)."""
    if not isinstance(given, list):
        given = str(given).split(";")
    texts = [str(text).strip() for text in given]  # YAML reads some as numbers: 1984
    return [text for text in texts if text]


Texts = Annotated[list[str], BeforeValidator(_texts)]
