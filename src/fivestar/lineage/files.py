"""The local files of a dataset, and what is in them."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from fivestar.files import replacing

logger = logging.getLogger(__name__)

State = list[Any]
"""Size in bytes, time of change in nanoseconds, and SHA-256 of a file."""


@runtime_checkable
class HasFiles(Protocol):
    """A dataset that says which local files it reads and writes."""

    files: list[Path]


def local_files(dataset: object) -> list[Path]:
    """The files of a dataset of ours or of kedro-datasets; none of one that lies elsewhere."""
    if isinstance(dataset, HasFiles):
        return list(dataset.files)
    path = getattr(dataset, "_filepath", None)
    if path is None or getattr(dataset, "_protocol", "file") not in ("file", "local"):
        return []
    return [Path(str(path))]


def state(path: Path, known: State | None = None) -> State | None:
    """Size, time and SHA-256 of a file; None where there is none.

    A file whose size and time are the known ones is not read again.
    """
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    cheap = [facts.st_size, facts.st_mtime_ns]
    if known is not None and known[:2] == cheap:
        return known
    with path.open("rb") as file:
        return [*cheap, hashlib.file_digest(file, "sha256").hexdigest()]


class RawFiles:
    """SHA-256 of raw files, each read once until it changes.

    Parameters
    ----------
    cache
        A JSON file that remembers what was read.
    """

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.known: dict[str, State] = _read(cache)

    def digest(self, path: Path) -> str:
        """Of the content, ``missing`` where there is no file."""
        key = str(path)
        now = state(path, self.known.get(key))
        if now is None:
            return "missing"
        if now != self.known.get(key):
            self.known[key] = now
            with replacing(self.cache) as beside:
                beside.write_text(json.dumps(self.known), encoding="utf-8")
        return str(now[2])


def _read(cache: Path) -> dict[str, State]:
    try:
        known: dict[str, State] = json.loads(cache.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError:
        logger.warning("%s cannot be read; the raw files are read again", cache)
        return {}
    return known
