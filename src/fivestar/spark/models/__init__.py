"""The families of models that Spark fits, one a file; each gives a ``FactorModel``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fivestar.errors import InputError
from fivestar.spark.models.als import ALS
from fivestar.spark.models.base import SparkModel
from fivestar.spark.models.bias import Bias
from fivestar.spark.models.item_mean import ItemMean

FAMILIES: dict[str, type[SparkModel]] = {"item_mean": ItemMean, "bias": Bias, "als": ALS}


def build(block: Mapping[str, Any], name: str) -> SparkModel:
    """The model of a block of ``parameters_models.yml``, unfitted.

    Raises
    ------
    InputError
        If Spark has no such family, or the family no such setting.
    """
    settings = dict(block)
    family = settings.pop("family", None)
    if family not in FAMILIES:
        raise InputError(
            f"models.{name}: Spark has no family {family!r}; it has {', '.join(FAMILIES)}. "
            "Take the model out of `line_up`, or leave out `engine: spark`."
        )
    try:
        return FAMILIES[family](**settings)
    except ValueError as error:
        raise InputError(f"models.{name}: {error}") from error


__all__ = ["FAMILIES", "SparkModel", "build"]
