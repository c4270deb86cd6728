"""Ways to spoil one thing of a project; each returns what does it to a project's folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

Spoil = Callable[[Path], None]


def nothing(project: Path) -> None:
    """Leave the project as it is: the command is what is wrong."""


def together(*spoils: Spoil) -> Spoil:
    """One after another."""

    def spoil(project: Path) -> None:
        for each in spoils:
            each(project)

    return spoil


def delete(path: str) -> Spoil:
    """Take a file or a folder away."""

    def spoil(project: Path) -> None:
        target = project / path
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink()

    return spoil


def write(path: str, content: str | bytes) -> Spoil:
    """Put this in place of a file's content; the file may be new."""

    def spoil(project: Path) -> None:
        target = project / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def change(path: str, changed: Callable[[bytes], bytes]) -> Spoil:
    """Put what a function makes of a file's content in its place."""

    def spoil(project: Path) -> None:
        target = project / path
        before = target.read_bytes()
        after = changed(before)
        if after == before:
            raise ValueError(f"{path} is not changed")
        target.write_bytes(after)

    return spoil


def replace(path: str, old: str, new: str) -> Spoil:
    """Replace the first occurrence of a text."""
    return change(path, lambda content: content.replace(old.encode(), new.encode(), 1))


def append(path: str, text: str) -> Spoil:
    """Add a text at a file's end."""
    return change(path, lambda content: content + text.encode())


def recode(path: str, encoding: str, text: str = "") -> Spoil:
    """Write a file, and a text at its end, in another encoding."""
    return change(path, lambda content: (content.decode() + text).encode(encoding))


def cut(path: str, n_bytes: int) -> Spoil:
    """Keep the first bytes of a file."""
    return change(path, lambda content: content[:n_bytes])


def keep_lines(path: str, n: int) -> Spoil:
    """Keep the first lines of a file."""
    return change(path, lambda content: b"".join(content.splitlines(keepends=True)[:n]))


def cell(path: str, column: int, text: str, separator: str = "\t", line: int = 3) -> Spoil:
    """Write another text into one cell; columns and lines are counted from 0, the header is one."""

    def changed(content: bytes) -> bytes:
        lines = content.decode().splitlines()
        cells = lines[line].split(separator)
        cells[column] = text
        lines[line] = separator.join(cells)
        return "\n".join([*lines, ""]).encode()

    return change(path, changed)


def separated(path: str, separator: str, old: str = "\t") -> Spoil:
    """Use another separator."""
    return change(path, lambda content: content.replace(old.encode(), separator.encode()))


def folder_instead(path: str) -> Spoil:
    """Put a folder in place of a file."""

    def spoil(project: Path) -> None:
        (project / path).unlink()
        (project / path).mkdir()

    return spoil


def unreadable(path: str) -> Spoil:
    """Take away the right to read a file."""
    return lambda project: os.chmod(project / path, 0)
