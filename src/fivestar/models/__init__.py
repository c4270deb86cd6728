"""Rating predictors on integer positions: no Kedro, no MLflow, no files but their own.

Every module below this package that defines a ``Model`` with a ``family`` is found by itself.
"""

from __future__ import annotations

import difflib
import importlib
import json
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fivestar.errors import InputError
from fivestar.models.base import Model
from fivestar.models.training import EarlyStopping, History

__all__ = ["EarlyStopping", "History", "Model", "build", "find", "load"]


def find(family: str) -> type[Model] | None:
    """The model of a family.

    Imports the module of that name first and others only if need be: a run of one model does
    not wait for the libraries of all, nor stumble over a mistake in another one's file.
    """
    modules = [module.name for module in pkgutil.walk_packages(__path__, prefix=f"{__name__}.")]
    for name in sorted(modules, key=lambda name: name.rpartition(".")[2] != family):
        if family in Model.families:
            break
        importlib.import_module(name)
    return Model.families.get(family)


def build(settings: Mapping[str, Any], name: str = "model") -> Model:
    """Make an unfitted model from its config block.

    Parameters
    ----------
    settings
        ``family`` and hyper-parameters of that family.
    name
        Of the block, for error messages.

    Raises
    ------
    InputError
        If the family or a setting is unknown or a value is out of range.
    """
    given = dict(settings)
    where = f"parameters_models.yml, models.{name}"
    family = given.pop("family", None)
    model_class = find(str(family))
    if model_class is None:
        known = ", ".join(sorted(Model.families))
        raise InputError(f"{where}: unknown family {family!r}; choose one of {known}")
    try:
        return TypeAdapter(model_class).validate_python(given)
    except ValidationError as error:
        raise InputError(f"{where}: {_explain(error, model_class)}") from error


def load(folder: Path) -> Model:
    """Read a model that ``Model.save`` wrote."""
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return build({"family": description["family"], **description["settings"]}).restore(folder)


def _explain(error: ValidationError, model_class: type[Model]) -> str:
    known = [name for name, entry in model_class.__dataclass_fields__.items() if entry.init]
    mistakes = []
    for detail in error.errors():
        setting = ".".join(str(part) for part in detail["loc"])
        if detail["type"].startswith("unexpected"):
            close = difflib.get_close_matches(setting, known, n=1)
            advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            mistakes.append(f"unknown setting {setting!r}; {advice}")
        else:
            mistakes.append(f"{setting} is {detail['input']!r}: {detail['msg']}")
    return "; ".join(mistakes)
