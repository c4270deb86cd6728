"""The models that there are, read from the sources: nothing is imported but what is used."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file

from fivestar.errors import InputError, explain
from fivestar.models.base import Model

PACKAGE = __name__.rpartition(".")[0]


class Entry(NamedTuple):
    """A family of models: where its class is, what its results' version is, what they use."""

    module: str
    class_name: str
    version: int
    uses_times: bool


CLASS = re.compile(r"^class (\w+)(?:\(([^)]*)\))?:(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
"""Name, bases and body of a class."""
VALUE = re.compile(r"^    (family|version|uses_times)\b.*? = (.+)$", re.MULTILINE)


class _Class(NamedTuple):
    module: str
    bases: list[str]
    values: dict[str, Any]


@functools.cache
def families() -> dict[str, Entry]:
    """Every class below this package that states its ``family``."""
    root = Path(__file__).parent
    classes = {}
    for path in sorted(root.rglob("*.py")):
        module = ".".join([PACKAGE, *path.relative_to(root).with_suffix("").parts])
        for name, bases, body in CLASS.findall(path.read_text(encoding="utf-8")):
            values = {key: ast.literal_eval(value) for key, value in VALUE.findall(body)}
            classes[name] = _Class(module, re.findall(r"\w+", bases), values)
    return {
        each.values["family"]: Entry(
            each.module, name, _version(each, classes), bool(each.values.get("uses_times"))
        )
        for name, each in classes.items()
        if "family" in each.values
    }


def _version(own: _Class, classes: Mapping[str, _Class]) -> int:
    """The class's own version, or that of the nearest class that it inherits from."""
    inherited = [_version(classes[base], classes) for base in own.bases if base in classes]
    return int(own.values.get("version", max(inherited, default=0)))


def find(family: str) -> type[Model] | None:
    """The model of a family; imports its module only."""
    entry = families().get(family)
    if entry is None:
        return None
    model_class: type[Model] = getattr(importlib.import_module(entry.module), entry.class_name)
    return model_class


def version_of(family: str) -> int:
    """Version of a family's results: raised when the same settings and data give others.

    An unknown family has version 0; ``build`` refuses it.
    """
    entry = families().get(family)
    return 0 if entry is None else entry.version


def version_of_block(block: Mapping[str, Any]) -> Any:
    """Version of a block's family and, where it has members, of those by name."""
    version = version_of(str(block.get("family")))
    members = block.get("members")
    if not isinstance(members, Mapping):
        return version
    return {"own": version} | {name: version_of_block(each) for name, each in members.items()}


def uses_times(block: Mapping[str, Any]) -> bool:
    """Whether the family of a block, or of one of its members, uses when a rating is given."""
    members = block.get("members")
    if isinstance(members, Mapping):
        return any(map(uses_times, members.values()))
    entry = families().get(str(block.get("family")))
    return entry is not None and entry.uses_times


def build(
    settings: Mapping[str, Any], name: str = "model", where: str = "parameters_models.yml, models."
) -> Model:
    """Make an unfitted model from its config block: ``family`` and settings of that family.

    Raises
    ------
    InputError
        If the family or a setting is unknown or a value is out of range.
    """
    given = dict(settings)
    where += name
    family = given.pop("family", None)
    model_class = find(str(family))
    if model_class is None:
        known = ", ".join(sorted(families()))
        raise InputError(f"{where}: unknown family {family!r}; choose one of {known}")
    try:
        return TypeAdapter(model_class).validate_python(given)
    except ValidationError as error:
        own = [entry.name for entry in fields(model_class) if entry.init]
        raise InputError(f"{where}: {explain(error, lambda path: [] if path else own)}") from error


def load(folder: Path) -> Model:
    """Read a model that ``Model.save`` wrote.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the model was saved by another version of its family.
    """
    path, weights = folder / "model.json", folder / "weights.safetensors"
    with _reading(path):
        description = json.loads(path.read_text(encoding="utf-8"))
        settings = {"family": description["family"], **description["settings"]}
    model = build(settings, folder.as_posix(), "saved model ")
    version = description.get("version")
    if version != model.version:
        raise InputError(
            f"{path}: saved by version {version} of {model.family}, which is now at "
            f"{model.version}. Train the model again."
        )
    with _reading(weights):
        arrays = load_file(weights)
    return model.restore(arrays, description, folder)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Tell which file of a model is damaged."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(f"{path}: not readable ({what}). Train the model again.") from error
