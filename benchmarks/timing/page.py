"""Blocks of pages that the commands write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.timing.contenders import ROOT

PAGE = ROOT / "docs/speed.md"


def write_block(command: str, text: str, page: Path = PAGE) -> None:
    """Put the text between the two markers of a command."""
    marker = f"<!-- made by benchmarks/{command} -->"
    head, _, tail = page.read_text(encoding="utf-8").partition(marker)
    _, _, tail = tail.partition(marker)
    page.write_text(f"{head}{marker}\n{text}\n{marker}{tail}", encoding="utf-8")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """In Markdown."""
    head = list(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])
