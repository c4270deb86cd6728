"""The pages that tell what came of bad inputs: a table, and every message with its fix."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from benchmarks.robustness.bad_inputs import BadInput
from benchmarks.robustness.small_project import LOAD, Outcome
from benchmarks.timing.page import table, write_block

DOCS = Path(__file__).parents[2] / "docs"
TABLE, MESSAGES = DOCS / "robustness.md", DOCS / "troubleshooting.md"
COMMAND = "robustness/bad_input.py"
TITLES = {
    "file": "Files that cannot be read",
    "table": "Tables that are not what the settings say",
    "value": "Values",
    "test pair": "Test pairs",
    "setting": "Settings and models",
    "YAML": "Files of the configuration",
    "earlier output": "Earlier outputs and saved models",
    "option": "Options of the command",
}
"""Headings of the kinds."""
WIDTH = 96
"""Characters of a line of a message."""
SHOWN = 110
"""Characters of a message in the table."""

Row = tuple[BadInput, Outcome, bool]
"""A bad input, what came of it, and whether earlier outputs were kept."""


def write(rows: Sequence[Row]) -> None:
    """Both pages, between their markers."""
    write_block(COMMAND, _summary(rows), TABLE)
    write_block(COMMAND, "\n\n".join(_section(kind, rows) for kind in TITLES), MESSAGES)


def _summary(rows: Sequence[Row]) -> str:
    refused = sum(outcome.code != 0 for _, outcome, _ in rows)
    n_kept = sum(kept for *_, kept in rows)
    head = ["kind", "what is wrong", "exit code", "message", "outputs kept"]
    told = (
        [given.kind, given.wrong, str(outcome.code), _first_line(outcome), "yes" if kept else "NO"]
        for given, outcome, kept in rows
    )
    return (
        f"{len(rows)} bad inputs: {refused} end with an exit code other than 0, "
        f"{n_kept} leave all earlier outputs as they were.\n\n{table(head, told)}"
    )


def _first_line(outcome: Outcome) -> str:
    line = outcome.lines[0].replace("`", "")
    shown = line if len(line) <= SHOWN else line[:SHOWN].rpartition(" ")[0] + " …"
    return f"`` {shown} ``".replace("|", "\\|")


def _section(kind: str, rows: Sequence[Row]) -> str:
    parts = [f"## {TITLES[kind]}"]
    for given, outcome, _ in rows:
        if given.kind == kind:
            message = "\n".join(_wrapped(line) for line in outcome.lines)
            parts.append(
                f"**{given.wrong}**{_command(given)}. {given.fix}\n\n```text\n{message}\n```"
            )
    return "\n\n".join(parts)


def _command(given: BadInput) -> str:
    if given.options.startswith(LOAD):
        return f' (`{LOAD}("{given.options.removeprefix(LOAD).strip()}")`)'
    return f" (`{given.options}`)" if given.options else ""


def _wrapped(line: str) -> str:
    return textwrap.fill(
        *(line, WIDTH), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
