"""What is wrong with files of the configuration that cannot be read, or put together."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

SUFFIXES = (".yml", ".yaml", ".json")


def mistake(folders: Iterable[Path], patterns: Iterable[str]) -> str | None:
    """The first mistake in the files of these folders that match; None if all can be used.

    Parameters
    ----------
    folders
        Of environments: what a later one says replaces what an earlier one does.
    """
    so_far: dict[str, Any] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.suffix not in SUFFIXES or not any(fnmatch(name, each) for each in patterns):
                continue
            values = _read(path)
            told = values if isinstance(values, str) else _misfit(so_far, values)
            if told is not None:
                return f"{path}: {told}"
            assert isinstance(values, dict)
            so_far |= values
    return None


def _read(path: Path) -> dict[str, Any] | str:
    """The values of a file, or what is wrong with it and how to fix that."""
    try:
        values = OmegaConf.load(io.StringIO(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        return f"not UTF-8 (byte {error.start + 1}). Save it in that encoding."
    except yaml.MarkedYAMLError as error:
        return no_yaml(error)
    if not isinstance(values, DictConfig):
        return "holds no names with values. Write lines such as `name: value`."
    container = OmegaConf.to_container(values)
    assert isinstance(container, dict)
    return {str(name): value for name, value in container.items()}


def no_yaml(error: yaml.MarkedYAMLError) -> str:
    """The line that cannot be read, and what may be wrong there."""
    line = 1 + (error.problem_mark.line if error.problem_mark else 0)
    if "duplicate key" in str(error.problem):
        return f"line {line}: {error.problem}. Delete one of the two."
    return (
        f"line {line}: no YAML ({error.problem or error}). Close brackets and quotes, indent "
        "by spaces, and write a space after each colon."
    )


def _misfit(earlier: Mapping[str, Any], values: Mapping[str, Any], above: str = "") -> str | None:
    """The first list that stands where an earlier file has named settings, or the reverse."""
    for name, value in values.items():
        was = earlier.get(name)
        if isinstance(was, dict) and isinstance(value, list):
            return (
                f"parameter {above}{name} is {value}: it should be settings with their names. "
                f"Write `{name}: {{{next(iter(was), 'name')}: value}}`."
            )
        if isinstance(was, list) and isinstance(value, dict):
            return (
                f"parameter {above}{name} is {value}: it should be a list. Write `{name}: [...]`."
            )
        if isinstance(was, dict) and isinstance(value, dict):
            inside = _misfit(was, value, f"{above}{name}.")
            if inside is not None:
                return inside
    return None
