"""A part of a page that a command writes, between two comments; the rest is written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/faults.md"


def write(made_by: str, text: str, page: Path = PAGE) -> None:
    """Replace what the command wrote into the page before, or add it at the end."""
    begin, end = f"<!-- made by benchmarks/robustness/{made_by} -->", f"<!-- end of {made_by} -->"
    now = page.read_text(encoding="utf-8") if page.exists() else ""
    before, found, rest = now.partition(begin)
    after = rest.partition(end)[2] if found else "\n"
    page.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """In Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
