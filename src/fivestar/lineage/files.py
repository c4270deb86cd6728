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
"""Size in bytes, time of change in nanoseconds, and SHA-256 of a file or a folder."""


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
    """Size, time and SHA-256 of a file, or of all files in a folder; None where there is none.

    What has the known size and time is not read again.
    """
    folder = path.is_dir()
    files = sorted(each for each in path.rglob("*") if each.is_file()) if folder else [path]
    try:
        facts = [file.stat() for file in files]
    except FileNotFoundError:
        return None
    cheap = [
        sum(each.st_size for each in facts),
        max((each.st_mtime_ns for each in facts), default=0),
    ]
    if known is not None and known[:2] == cheap:
        return known
    digests = [_sha256(file) for file in files]
    whole = hashlib.sha256("".join(digests).encode()).hexdigest() if folder else digests[0]
    return [*cheap, whole]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        """Of the content, ``missing`` where there is no file that may be read."""
        key = str(path)
        try:
            now = state(path, self.known.get(key))
        except PermissionError:  # which the dataset tells when it is loaded
            now = None
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
    except ValueError:  # no text, or no JSON
        logger.warning("%s cannot be read; the raw files are read again", cache)
        return {}
    return known
