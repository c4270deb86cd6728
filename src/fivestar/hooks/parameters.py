"""Checks of parameters that no node's type hints make: names, settings of all stages, models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, MinLen
from kedro.pipeline.node import Node
from pydantic import ConfigDict

from fivestar.errors import InputError, did_you_mean
from fivestar.pipelines.settings import Settings

OPTIONAL = {"fold", "new_ratings_file", "new_users_file", "pairs_file"}
"""Parameters that base has no value of."""
BLOCK = "params:models."
"""How the name of an input begins that is a model's block."""


class RunSettings(Settings):
    """What is set for all stages."""

    model_config = ConfigDict(extra="ignore", strict=True)

    line_up: Annotated[list[str], MinLen(1)]
    refit: bool
    max_minutes: Annotated[float, Gt(0)] | None
    threads_per_node: Annotated[int, Ge(1)] | None
    model: str | None
    engine: Literal["pandas", "spark"]
    wait: bool


def check_parameters(parameters: Mapping[str, Any], base: Path) -> None:
    """Refuse names that nobody reads, and settings of all stages that cannot be used.

    Parameters
    ----------
    base
        The folder of the configuration that has a value of every parameter.

    Raises
    ------
    InputError
        At the first mistake.
    """
    known = OPTIONAL | {
        name
        for path in base.glob("**/parameters*.yml")
        for name in re.findall(r"^(\w+) *:", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    for name in parameters:
        if name not in known and not name.startswith("_"):
            raise InputError(
                f"unknown parameter {name!r}. {did_you_mean(name, known)} One of your own needs a "
                f"value in {base.parent.name}/{base.name}/parameters.yml."
            )
    try:
        RunSettings.model_validate(parameters)
    except InputError as error:
        raise InputError(f"parameter {error}") from error
    require_blocks(parameters["models"])
    require_compared(parameters)
    require_times(parameters)


def require_compared(parameters: Mapping[str, Any]) -> None:
    """Refuse a name of a model to compare with that no block and no family has."""
    compared = {
        "inspection.reference": _at(parameters, "inspection", "reference"),
        "recommendation.ranking.beside": _at(parameters, "recommendation", "ranking", "beside"),
    }
    for setting, names in compared.items():
        for name in [names] if isinstance(names, str) else names or []:
            if name not in {*parameters["models"], "all"}:
                require_family(setting, name, parameters["models"])


def require_family(setting: str, name: str, blocks: Iterable[str]) -> None:
    """Refuse a name that not even a family has; a model of base may have been taken out."""
    from fivestar.models.registry import families  # heavy, and seldom needed

    if name not in families():
        raise InputError(
            f"parameter {setting} is {name!r}: no model has this name. "
            f"{did_you_mean(name, [*blocks, *families()]) or 'See parameters_models.yml.'}"
        )


def _at(parameters: Any, *path: str) -> Any:
    """The value there; None where a part of the path is missing, which the stages tell."""
    for name in path:
        parameters = parameters.get(name) if isinstance(parameters, Mapping) else None
    return parameters


def require_times(parameters: Mapping[str, Any]) -> None:
    """Refuse a split by time where no column of times is named, before anything is written."""
    splitting, ingestion = parameters["splitting"], parameters["ingestion"]
    columns = ingestion.get("columns") if isinstance(ingestion, Mapping) else None
    if not isinstance(splitting, Mapping) or not isinstance(columns, Mapping):
        return  # which the stages tell
    by_time = splitting.get("method") == "time"
    if columns.get("timestamp") is None and (by_time or splitting.get("half_life_days")):
        setting, otherwise = ("method", "another") if by_time else ("half_life_days", "null")
        raise InputError(
            f"parameter splitting: {setting} is {splitting[setting]!r}, which needs timestamps: "
            f"name their column in `ingestion.columns.timestamp`, or set {otherwise}."
        )


def require_blocks(models: Any) -> None:
    """Refuse a model that is no block with a family: its name may be misspelt."""
    if not isinstance(models, Mapping):
        raise InputError(f"parameters_models.yml, models is {models!r}: give each a block by name")
    blocks = [name for name, block in models.items() if isinstance(block, Mapping)]
    for name, block in models.items():
        if name not in blocks:
            raise InputError(
                f"parameters_models.yml, models.{name} is {block!r}: write a block such as "
                f"{name}: {{family: als}}"
            )
        if "family" not in block:
            known = [other for other in blocks if "family" in models[other]]
            raise InputError(
                f"parameters_models.yml, models.{name} has no family. "
                f"{did_you_mean(str(name), known) or 'Write its family.'}"
            )


def check_models(nodes: Iterable[Node], parameters: Mapping[str, Any]) -> None:
    """Refuse a block that no model can be made of, before the first node runs.

    Raises
    ------
    InputError
        If the family or a setting is unknown or a value is out of range.
    """
    names = {
        name.removeprefix(BLOCK) for node in nodes for name in node.inputs if name.startswith(BLOCK)
    }
    if names:
        from fivestar.models import build  # heavy, and not needed by most commands

        for name in sorted(names):
            build(parameters["models"][name], name)
