"""Every bad input of the catalogue, tried: is it told plainly, and are earlier outputs kept?

    python benchmarks/robustness/bad_input.py [--only TEXT]

Each is tried in a copy of a small project with good outputs, in a process of its own. Writes the
table of docs/robustness.md and the messages of docs/troubleshooting.md; ends with 1 if anything
falls short. ``--only`` tries those whose sentence holds the text, and writes nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.robustness import bad_input_pages, small_project
from benchmarks.robustness.bad_inputs import BadInput, bad_inputs
from benchmarks.robustness.small_project import LOAD, Outcome, State


class Tried(NamedTuple):
    """What came of a bad input."""

    wrong: str
    """The sentence of the bad input."""
    outcome: Outcome
    kept: bool
    """Whether all earlier outputs are as before."""
    faults: list[str]
    """What is not as it should be."""


def attempt(given: BadInput, good: Path, folder: Path) -> Tried:
    """Spoil a copy of the good project in an empty folder, and run the command there."""
    project = folder / "project"
    shutil.copytree(good, project)
    try:
        given.spoil(project)
        before = State.of(project)
        if given.options.startswith(LOAD):
            outcome = small_project.load(project, given.options.removeprefix(LOAD).strip())
        else:
            outcome = small_project.run(project, given.options)
        changes = before.changes(State.of(project))
    finally:
        shutil.rmtree(project)
    text = outcome.text.replace(f"{project.resolve()}/", "").replace(str(project), ".")
    outcome = outcome._replace(text=text)
    return Tried(given.wrong, outcome, not changes, faults(given, outcome) + changes)


def faults(given: BadInput, outcome: Outcome) -> list[str]:
    """What a command's end and message lack."""
    found = [] if outcome.code in (1, 2) else [f"the exit code is {outcome.code}"]
    if "Traceback" in outcome.text or '  File "' in outcome.text:
        found.append("a traceback is shown")
    if missing := [part for part in given.says if part not in outcome.message]:
        found.append(f"the message does not say {missing}")
    return found


def attempt_by_number(number: int, good: Path) -> Tried:
    """As ``attempt``, in a worker that was forked: what spoils cannot be sent to another."""
    with tempfile.TemporaryDirectory() as folder:
        return attempt(bad_inputs()[number], good, Path(folder))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--only", default="", help="part of the sentence of a bad input")
    only = parser.parse_args().only
    catalogue = bad_inputs()
    chosen = [number for number, given in enumerate(catalogue) if only in given.wrong]
    small_project.import_all()
    tried = []
    with tempfile.TemporaryDirectory() as place:
        good = small_project.make(Path(place) / "good")
        with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
            for one in pool.imap(partial(attempt_by_number, good=good), chosen):
                tried.append(one)
                print("! " if one.faults else "  ", one.wrong, flush=True)
                for fault in one.faults:
                    print(f"      {fault}")
                if one.faults or only:
                    print("      | " + one.outcome.text.strip().replace("\n", "\n      | "))
    wrong = sum(bool(one.faults) for one in tried)
    print(f"{len(tried)} bad inputs, {wrong} not as they should be")
    if not only:
        bad_input_pages.write(
            [(catalogue[n], one.outcome, one.kept) for n, one in zip(chosen, tried, strict=True)]
        )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
