"""Which points are measured, and what is read off them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import yaml

from benchmarks.timing.contenders import ROOT, Fivestar, contender_class
from benchmarks.timing.processes import Task

PEERS = ("implicit", "lenskit", "cmfrec")
SIZES = (100_000, 1_000_000, 10_000_000)
LARGEST = 20_000_000
RANKS = (8, 16, 32, 64, 128)
SIZE, RANK = 1_000_000, 32
"""Of the curves that are by something else."""
AXES = {"n_ratings": "ratings", "rank": "rank", "threads": "cores"}
"""By what the curves are, and what it is called."""
Outcome = dict[str, Any]


class Point(NamedTuple):
    """One place on one curve."""

    contender: str
    axis: str
    x: int
    sweep: float
    memory: float
    """The process's peak in GB."""


def tasks(n_cores: int, *, largest: bool) -> Iterator[tuple[str, Task]]:
    """All points by name, along each curve from the least; a name occurs once."""
    line_up = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text())["line_up"]
    along = {
        "n_ratings": SIZES + ((LARGEST,) if largest else ()),
        "rank": RANKS,
        "threads": tuple(range(1, n_cores + 1)),
    }
    for contender in [*line_up, *PEERS]:
        usual = Task(contender, SIZE, RANK, n_cores)
        for axis, places in along.items():
            if axis == "rank" and not has_rank(contender):
                continue
            for x in places:
                yield f"{contender}/{axis}/{x}", replace(usual, **{axis: x})  # type: ignore[arg-type]


def has_rank(contender: str) -> bool:
    """Whether there are factors whose number can be chosen."""
    chosen = contender_class(contender)
    if not issubclass(chosen, Fivestar):
        return True
    return "n_factors" in chosen(None, RANK, 1).changed(1)  # type: ignore[arg-type]


def points(outcomes: dict[str, Outcome]) -> list[Point]:
    """Those that were measured."""
    found = []
    for key, outcome in outcomes.items():
        contender, axis, x = key.split("/")
        if "failed" not in outcome and outcome["sweep"] > 0:
            found.append(Point(contender, axis, int(x), outcome["sweep"], outcome["peak_memory"]))
    return found


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of log y on log x by least squares: 1 where twice x takes twice as long."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def slope_along(axis: str, curve: Sequence[Point]) -> float | None:
    """Of a contender's seconds along an axis; None of fewer than two points."""
    on = [point for point in curve if point.axis == axis]
    if len(on) < 2:
        return None
    return slope([point.x for point in on], [point.sweep for point in on])


def memory_of_ratings(curve: Sequence[Point]) -> float | None:
    """GB that a million more ratings take, by a line through the peaks."""
    on = [point for point in curve if point.axis == "n_ratings"]
    if len(on) < 2:
        return None
    return float(np.polyfit([point.x / 1e6 for point in on], [point.memory for point in on], 1)[0])
