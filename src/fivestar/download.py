"""Fetch the raw files of a data set: ``python -m fivestar.download NAME``.

``conf/sources.yml`` says where each data set comes from. Files reach ``data/01_raw/NAME`` only
when all of them are there and whole; those that are there already are verified, never replaced.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pooch
import yaml

from fivestar.errors import InputError
from fivestar.names import NAME

CHUNK = 1 << 20
"""Bytes read at once."""

TIMEOUT = 30
"""Seconds without an answer after which a download has failed."""

RETRIES = 2
"""Times that a failed download is tried again."""


@dataclass(frozen=True)
class Source:
    """Where a data set comes from; ``conf/sources.yml`` says what each entry means."""

    files: dict[str, str | None]
    licence: str = field(kw_only=True)
    package: str | None = None
    archive: str | None = None
    by_hand: str | None = None
    checksum: str | None = None
    members: str = ""

    @property
    def origin(self) -> str:
        """The package or the address, for messages."""
        return self.package or self.archive or str(self.by_hand)


def read_sources(project: Path) -> dict[str, Source]:
    """The data sets of the project's ``conf/sources.yml``."""
    path = project / "conf" / "sources.yml"
    if not path.is_file():
        raise InputError(f"{path}: no such file. Run inside the project, or say --project FOLDER.")
    known = yaml.safe_load(path.read_text(encoding="utf-8"))
    sources = {name: Source(**source) for name, source in known.items()}
    for name, source in sources.items():
        folders = source.members.removesuffix("/").split("/") if source.members else []
        for part in (name, *source.files, *folders):
            if not NAME.fullmatch(part):
                raise InputError(
                    f"{path}, {name}: {part!r} is no name of a file or folder, and could lead out "
                    "of data/01_raw. Name data sets and files plainly; `members` is a folder "
                    "inside the archive, such as ml-1m/."
                )
    return sources


def download(name: str, source: Source, raw: Path) -> str:
    """Bring the files of a data set to ``raw / name``, unless they are there, and say so.

    Raises
    ------
    InputError
        If a file is there but not the right one, or cannot be had.
    """
    folder = raw / name
    missing = [file for file in source.files if not (folder / file).is_file()]
    for file, checksum in source.files.items():
        if file not in missing:
            verify(folder / file, checksum, "Move it away and run this again.")
    if not missing:
        n_verified = sum(checksum is not None for checksum in source.files.values())
        return f"{folder}: all {len(source.files)} files are there, {n_verified} verified"
    goal = f"put {', '.join(missing)} into {folder}"
    if source.by_hand:
        raise InputError(f"{name}: no program can fetch it; {goal}. {source.by_hand}")

    raw.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=raw) as temporary:
        by_hand = f"Or get {source.origin} by hand and {goal} (they lie in its {source.members})."
        fetch = fetch_package if source.package else fetch_archive
        unpacked = unpack(fetch(source, Path(temporary), by_hand), source)
        folder.mkdir(exist_ok=True)
        for file in missing:
            os.replace(unpacked / file, folder / file)
    counted = f"{len(missing)} of {len(source.files)} files"
    return f"{folder}: {counted} fetched from {source.origin}. Licence: {source.licence}"


def fetch_package(source: Source, folder: Path, by_hand: str) -> Path:
    """A package's wheel, from whichever index pip is set up for."""
    package = source.origin
    print(f"fetching {package} from the package index", file=sys.stderr)
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheel = next(folder.glob("*.whl"), None)
    if done.returncode or wheel is None:
        reason = (done.stderr.strip() or "no wheel came").splitlines()[-1]
        raise InputError(
            f"{package}: pip could not fetch it ({reason}). Is there a network? {by_hand}"
        )
    verify(wheel, source.checksum, f"It came from {package}. Run this again.")
    return wheel


def fetch_archive(source: Source, folder: Path, by_hand: str) -> Path:
    """The zip at a URL, verified, with a progress bar in a terminal."""
    url = source.origin
    name = url.rsplit("/", 1)[-1]
    pooch.get_logger().setLevel("WARNING")
    store = pooch.create(
        folder, "", registry={name: source.checksum}, urls={name: url}, retry_if_failed=RETRIES
    )
    http = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=CHUNK, timeout=TIMEOUT)
    try:
        return Path(store.fetch(name, downloader=http))
    except (OSError, ValueError) as error:  # requests' errors are OSErrors, a checksum's ValueError
        raise InputError(f"{url}: the download failed ({error}). {by_hand}") from error


def unpack(archive: Path, source: Source) -> Path:
    """The folder into which the files of a wheel or zip are unpacked beside it, each verified."""
    try:
        with zipfile.ZipFile(archive) as members:
            for file, checksum in source.files.items():
                path = Path(members.extract(source.members + file, archive.parent))
                verify(path, checksum, f"{source.origin} holds another edition than the one known.")
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise InputError(f"{source.origin}: not the archive it should be ({error}).") from error
    return archive.parent / source.members


def verify(path: Path, checksum: str | None, fix: str) -> None:
    """Compare a file with its checksum, where there is one."""
    if checksum is None:
        return
    algorithm, expected = checksum.split(":")
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, algorithm).hexdigest()
    if actual != expected:
        raise InputError(f"{path}: {algorithm} {actual} is not {expected}. {fix}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 where the files are in place, 1 where they are not."""
    parser = argparse.ArgumentParser(prog="python -m fivestar.download", description=__doc__)
    parser.add_argument("name", help="of the data set, as in conf/sources.yml")
    parser.add_argument("--project", type=Path, default=Path(), help="its folder; else this one")
    given = parser.parse_args(arguments)
    try:
        sources = read_sources(given.project)
        if given.name not in sources:
            raise InputError(f"{given.name}: unknown. Known are {', '.join(sources)}.")
        raw = given.project / "data" / "01_raw"
        print(download(given.name, sources[given.name], raw))
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
