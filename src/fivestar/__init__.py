"""Fivestar: from a table of ratings to tested rating predictors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fivestar.recommender import Recommender

__version__ = "0.1.0"


def load(folder: str | Path) -> Recommender:
    """The recommender of a trained model, see ``fivestar.recommender.load``.

    >>> load("data/06_models/nothing")
    Traceback (most recent call last):
    fivestar.errors.InputError: ...data/06_models/nothing: no trained model, and no champion, ...
    """
    from fivestar import recommender  # here: every command would otherwise wait for it

    return recommender.load(folder)
