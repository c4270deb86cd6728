"""Results of earlier runs, and what a new run's are beside them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from benchmarks.timing.contenders import ROOT
from fivestar.files import replacing

HISTORY = ROOT / "benchmarks/results/history.json"
ANYWHERE = ("ratio", "stars")
"""Units of figures that are compared between machines; the others only on the same one."""
LEAST_CHANGE = {"stars": 0.001}
OTHERWISE = 0.03
"""Share of a figure, by its unit, that a change has to exceed: turns do not show all noise."""

DIGITS = 5
"""Of a figure that are kept."""

Record = dict[str, Any]


class Figure(TypedDict):
    """One figure of a run, of several turns. Less is better, whatever it is of."""

    median: float
    low: float
    high: float
    unit: str


class Change(NamedTuple):
    """A figure beside that of an earlier run."""

    figure: str
    unit: str
    now: float
    before: float
    since: str
    """When, and of which revision."""
    verdict: str
    """``better``, ``worse``, or ``within the noise``."""

    @property
    def percent(self) -> float:
        return 100 * (self.now / self.before - 1) if self.before else 0.0

    def __str__(self) -> str:
        numbers = f"{self.before:9.4g} -> {self.now:9.4g} {self.unit:5s} {self.percent:+6.1f} %"
        return f"{self.figure:42s}{numbers}  {self.verdict:16s} ({self.since})"


def figure(values: Iterable[float], unit: str) -> Figure:
    """Of all turns."""
    values = [float(f"{value:.{DIGITS}g}") for value in values]
    return Figure(median=statistics.median(values), low=min(values), high=max(values), unit=unit)


def compare(new: Record, earlier: Sequence[Record]) -> list[Change]:
    """Each figure of a run beside that of the latest earlier run that can be compared with it.

    That is one of the same command and, unless the figure is a ratio or an error, of the same
    machine. A change is beyond the noise if the turns of the two runs do not overlap, and by more
    than ``LEAST_CHANGE``.
    """
    changes = []
    for name, now in new["figures"].items():
        before = next((each for each in reversed(earlier) if _comparable(name, new, each)), None)
        if before is not None:
            old = before["figures"][name]
            since = f"{before['date'][:10]}, {before['revision'][:8]}"
            values = now["median"], old["median"]
            changes.append(Change(name, now["unit"], *values, since, _verdict(now, old)))
    return changes


def _comparable(name: str, new: Record, old: Record) -> bool:
    if old["command"] != new["command"] or name not in old["figures"]:
        return False
    unit = new["figures"][name]["unit"]
    if old["figures"][name]["unit"] != unit:
        return False
    return unit in ANYWHERE or bool(old["machine"] == new["machine"])


def _verdict(now: Figure, old: Figure) -> str:
    least = LEAST_CHANGE.get(now["unit"], OTHERWISE) * old["median"]
    if now["high"] < old["low"] and old["median"] - now["median"] > least:
        return "better"
    if now["low"] > old["high"] and now["median"] - old["median"] > least:
        return "worse"
    return "within the noise"


def load(path: Path = HISTORY) -> list[Record]:
    """The earliest first."""
    if not path.exists():
        return []
    records: list[Record] = json.loads(path.read_text(encoding="utf-8"))
    return records


def append(record: Record, path: Path = HISTORY) -> None:
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in [*load(path), record])
    with replacing(path) as temporary:
        temporary.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def tell(new: Record, *, keep: bool) -> None:
    """Print what changed since earlier runs, and keep the record if asked to."""
    changes = compare(new, load())
    print("\nBeside the latest earlier run (less is better):" if changes else "\nNo earlier run.")
    for change in changes:
        print(change)
    if keep:
        append(new)
