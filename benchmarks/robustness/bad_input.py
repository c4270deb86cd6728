"""Every bad input of the catalogue, tried: is it told plainly, and are earlier outputs kept?

    python benchmarks/robustness/bad_input.py [--only TEXT] [--dry]

Each is tried in a copy of a small project with good outputs, in a process of its own. Writes the
tables of docs/robustness.md and docs/troubleshooting.md; ends with 1 if anything falls short.
``--only`` tries those whose sentence holds a text, and ``--dry`` any; both print and write nothing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.robustness import small_project
from benchmarks.robustness.bad_inputs import BadInput, bad_inputs
from benchmarks.robustness.small_project import LOAD, Outcome, State


class Tried(NamedTuple):
    """A bad input, and what came of it."""

    given: BadInput
    outcome: Outcome
    changes: list[str]
    """Of earlier outputs."""

    @property
    def faults(self) -> list[str]:
        """What is not as it should be."""
        code, text = self.outcome
        squeezed = " ".join(text.split())
        faults = [] if code not in (0, 70) and code > 0 else [f"the exit code is {code}"]
        if "Traceback" in text:
            faults.append("a traceback is shown")
        if missing := [part for part in self.given.says if part not in squeezed]:
            faults.append(f"the message does not say {missing}")
        return faults + [f"an output is not kept: {change}" for change in self.changes]


def attempt(given: BadInput, good: Path, folder: Path) -> Tried:
    """Spoil a copy of the good project in an empty folder, and run the command there."""
    project = folder / "project"
    shutil.copytree(good, project, symlinks=True)
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
    return Tried(given, outcome._replace(text=text), changes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--only", default="", help="of the sentence of a bad input")
    parser.add_argument("--dry", action="store_true", help="write no page")
    options = parser.parse_args()
    chosen = [given for given in bad_inputs() if options.only in given.wrong]
    small_project.import_all()
    with tempfile.TemporaryDirectory() as place:
        good = small_project.make(Path(place) / "good")
        tried = []
        for given in chosen:
            one = attempt(given, good, Path(place))
            tried.append(one)
            print(f"{'  ' if not one.faults else '! '}{given.kind}: {given.wrong}")
            for fault in one.faults:
                print(f"      {fault}")
            if one.faults or options.only:
                print("      | " + one.outcome.text.strip()[-3000:].replace("\n", "\n      | "))
            sys.stdout.flush()
    wrong = sum(bool(one.faults) for one in tried)
    print(f"{len(tried)} bad inputs, {wrong} not as they should be")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
