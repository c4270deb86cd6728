"""The record of an output: what it was made of, and the files that hold it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fivestar.files import replacing
from fivestar.lineage.files import State, state

FOLDER = ".lineage"
"""Where records lie, beside the outputs that they are of."""
ABSENT = object()
"""Stands for a value that is not there, as null is one that is."""


@dataclass(frozen=True)
class Origin:
    """What an output is made of; values in memory on the way to it are left out.

    Attributes
    ----------
    output : name of the dataset
    steps : version and fixed arguments of every node since the inputs, by name
    inputs : fingerprints of the persisted and raw datasets that the nodes read
    parameters : values that the nodes read, by name
    """

    output: str
    steps: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that any change of the origin changes."""
        return digest(asdict(self))

    def differences(self, now: Origin) -> list[str]:
        """What this one has otherwise than that which the output would be made of now."""
        told = differences(self.parameters, now.parameters)
        for name in sorted({*self.inputs, *now.inputs}):
            was, is_now = self.inputs.get(name), now.inputs.get(name)
            if was != is_now:
                told.append(f"{name} {_short(was)}, now {_short(is_now)}")
        return told + differences(_versioned(self.steps), _versioned(now.steps), "step ")


@dataclass(frozen=True)
class Record:
    """An origin and the files, by name, that were written.

    Attributes
    ----------
    failed : whether the output only says that a model failed
    left_out : ``max_minutes`` and the like under which a model was left out on purpose, by name;
        None of an output that says no such thing
    """

    origin: Origin
    files: dict[str, State]
    failed: bool = False
    left_out: dict[str, Any] | None = None

    def save(self, place: Path) -> None:
        with replacing(place) as beside:
            beside.write_text(json.dumps(asdict(self), indent=1, default=str), encoding="utf-8")

    @classmethod
    def load(cls, place: Path) -> Record | None:
        """The record, or None where there is none that can be read."""
        try:
            values = json.loads(place.read_text(encoding="utf-8"))
            return cls(**{**values, "origin": Origin(**values["origin"])})
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # no text, no JSON, no record
            return None

    def changed_files(self, paths: list[Path]) -> list[Path]:
        """Those of the files that are not as they were written."""
        changed = []
        for path in paths:
            written = self.files.get(path.name)
            now = state(path, written)
            if (now is None) != (written is None) or (now and written and now[2] != written[2]):
                changed.append(path)
        return changed


def place_of(output: str, files: list[Path]) -> Path:
    """Where the record of an output lies."""
    return files[0].parent / FOLDER / f"{output}.json"


def digest(value: Any) -> str:
    """32 hexadecimal digits of a plain value."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def differences(was: dict[str, Any], is_now: dict[str, Any], prefix: str = "") -> list[str]:
    """Values that differ, by name."""
    return [
        change
        for name in sorted({*was, *is_now})
        for change in _changes(f"{prefix}{name}", was.get(name, ABSENT), is_now.get(name, ABSENT))
    ]


def _versioned(steps: dict[str, Any]) -> dict[str, Any]:
    """Those that have a version: others make the same whatever they are called."""
    return {name: version for name, version in steps.items() if version is not None}


def _changes(name: str, was: Any, is_now: Any) -> list[str]:
    """Values that differ, one by one where they are named settings."""
    if json.dumps(was, sort_keys=True, default=str) == json.dumps(
        is_now, sort_keys=True, default=str
    ):
        return []
    if isinstance(was, dict) and isinstance(is_now, dict):
        return [
            change
            for key in sorted({*was, *is_now})
            for change in _changes(f"{name}.{key}", was.get(key, ABSENT), is_now.get(key, ABSENT))
        ]
    return [f"{name} {_plain(was)}, now {_plain(is_now)}"]


def _plain(value: Any) -> str:
    return "none" if value is ABSENT else json.dumps(value, default=str)


def _short(fingerprint: str | None) -> str:
    return "none" if fingerprint is None else fingerprint[:8]
