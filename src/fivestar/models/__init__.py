"""Rating predictors on integer indices: no Kedro, no MLflow, no files but their own.

Every module below this package that defines a ``Model`` with a ``family`` is found by itself.
"""

from fivestar.errors import TooSlow
from fivestar.models.base import Distribution, Model, Predictions
from fivestar.models.factors import Factors
from fivestar.models.registry import build, find, load, uses_times, version_of, version_of_block
from fivestar.models.training import EarlyStopping, History

__all__ = [
    "Distribution",
    "EarlyStopping",
    "Factors",
    "History",
    "Model",
    "Predictions",
    "TooSlow",
    "build",
    "find",
    "load",
    "uses_times",
    "version_of",
    "version_of_block",
]
