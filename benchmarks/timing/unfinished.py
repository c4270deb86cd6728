"""Outcomes so far of a long command: ended at any time, it goes on where it was."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.timing.contenders import ROOT
from fivestar.files import replacing

FOLDER = ROOT / "benchmarks/results"


class Unfinished:
    """Kept in a file until the command is done; of another plan they are not used.

    Parameters
    ----------
    command
        In the file's name.
    plan
        All that outcomes depend on, the revision of the code for instance.
    fresh
        Whether to start anew.
    """

    def __init__(self, command: str, plan: dict[str, Any], *, fresh: bool) -> None:
        self.path = FOLDER / f"unfinished-{command}.json"
        self.plan = json.loads(json.dumps(plan))
        self.outcomes: dict[str, dict[str, Any]] = {}
        if self.path.exists() and not fresh:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            if kept["plan"] == self.plan:
                self.outcomes = kept["outcomes"]

    def has(self, key: str) -> bool:
        """Whether it is measured; what failed is tried again."""
        return key in self.outcomes and "failed" not in self.outcomes[key]

    def keep(self, key: str, outcome: dict[str, Any]) -> None:
        self.outcomes[key] = outcome
        with replacing(self.path) as temporary:
            kept = {"plan": self.plan, "outcomes": self.outcomes}
            temporary.write_text(json.dumps(kept, indent=1), encoding="utf-8")

    def done(self) -> None:
        self.path.unlink(missing_ok=True)
