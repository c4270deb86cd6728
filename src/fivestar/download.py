"""Fetch the raw files of a data set: ``python -m fivestar.download NAME``.

``conf/sources.yml`` says where each data set comes from. Files reach ``data/01_raw/NAME`` only
when all of them are there and whole; those that are there already are verified, never replaced.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import yaml
from tqdm import tqdm

from fivestar.errors import InputError

CHUNK = 1 << 20
"""Bytes read at once."""

TIMEOUT = 30
"""Seconds without an answer after which a download is given up."""


@dataclass(frozen=True)
class Source:
    """Where a data set comes from: a package, an archive, or a person's hand.

    Parameters
    ----------
    files
        Their names in the data set's folder; for each its checksum, such as ``md5:0e33…``, or
        None where none is known.
    licence
        What one may do with the data.
    package
        A wheel of the package index, such as ``recbole==1.2.1``.
    archive
        The URL of a zip.
    by_hand
        How a person gets the files.
    checksum
        Of the wheel or the archive.
    members
        The folder of the files inside the wheel or the archive.
    """

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
    sources = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: Source(**source) for name, source in sources.items()}


def download(name: str, source: Source, raw: Path) -> str:
    """Bring the files of a data set to ``raw / name``; nothing is done where they are.

    Returns
    -------
    str
        What was done.

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
        archive = fetch(source.origin, Path(temporary), by_hand)
        verify(archive, source.checksum, f"It came from {source.origin}. Run this again.")
        unpack(archive, source, Path(temporary))
        folder.mkdir(exist_ok=True)
        for file in missing:
            os.replace(Path(temporary, file), folder / file)
    counted = f"{len(missing)} of {len(source.files)} files"
    return f"{folder}: {counted} fetched from {source.origin}. Licence: {source.licence}"


def fetch_package(requirement: str, folder: Path, by_hand: str) -> Path:
    """A package's wheel, from whichever index pip is set up for."""
    print(f"fetching {requirement} from the package index", file=sys.stderr)
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder)]
    done = subprocess.run([*command, requirement], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip() or "no wheel came").splitlines()[-1]
        raise InputError(
            f"{requirement}: pip could not fetch it ({reason}). Is there a network? {by_hand}"
        )
    return wheels[0]


def fetch_archive(url: str, folder: Path, by_hand: str) -> Path:
    """The zip at a URL, with a progress bar."""
    path = folder / "archive.zip"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, path.open("wb") as file:
            size = int(answer.headers.get("Content-Length") or 0)
            label = url.rsplit("/", 1)[-1]
            with tqdm(
                total=size or None, unit="B", unit_scale=True, desc=label, disable=None
            ) as bar:
                while chunk := answer.read(CHUNK):
                    bar.update(file.write(chunk))
    except (OSError, HTTPException) as error:
        raise InputError(f"{url}: the download failed ({error}). {by_hand}") from error
    if path.stat().st_size < size:
        raise InputError(f"{url}: the download broke off. Run this again.")
    return path


def unpack(archive: Path, source: Source, folder: Path) -> None:
    """Take the files out of a wheel or zip, each verified."""
    try:
        with zipfile.ZipFile(archive) as members:
            for file, checksum in source.files.items():
                path = folder / file
                with members.open(source.members + file) as member, path.open("wb") as copy:
                    shutil.copyfileobj(member, copy, CHUNK)
                mend = f"{source.origin} holds another edition than the one known."
                verify(path, checksum, mend)
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise InputError(f"{source.origin}: not the archive it should be ({error}).") from error


def verify(path: Path, checksum: str | None, mend: str) -> None:
    """Compare a file with its checksum, where there is one."""
    if checksum is None:
        return
    algorithm, expected = checksum.split(":")
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, algorithm).hexdigest()
    if actual != expected:
        raise InputError(f"{path}: {algorithm} {actual} is not {expected}. {mend}")


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
