"""What is compared: contenders on the same ratings, in turns."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.timing.contenders import Contender, Fivestar, contender_class
from benchmarks.timing.history import Figure, figure
from benchmarks.timing.processes import PEERS, Task

TOP = 10
"""Items recommended to every user."""
FASTEST = "the fastest other"
UNITS = {
    **dict.fromkeys(("sweep", "prepare", "fit", "recommend"), "s"),
    **{"peak_memory": "GB", "rmse": "stars"},
}
Outcome = dict[str, Any]


@dataclass(frozen=True)
class Race:
    """The first contender is ours: the others' times are told as multiples of its.

    Attributes
    ----------
    sweeps
        Of the longer fit of the first turn, whose RMSE and seconds are told, and of later turns.
    once
        Contenders of the first turn only, with a later turn's sweeps: the slow ones.
    time_limit
        Seconds for each process.
    """

    name: str
    n_ratings: int
    rank: int
    contenders: tuple[str, ...]
    sweeps: tuple[int, int]
    once: tuple[str, ...] = ()
    n_turns: int = 3
    recommend: bool = False
    time_limit: float = 400.0

    def tasks(self, n_threads: int) -> Iterator[tuple[str, Task]]:
        """Alternating, each with a name of its own."""
        first, later = self.sweeps
        for turn in range(self.n_turns):
            for name in self.contenders + (self.once if turn == 0 else ()):
                n_sweeps = first if turn == 0 and name not in self.once else later
                can = contender_class(name).recommend is not Contender.recommend
                n = TOP if self.recommend and can else 0
                task = Task(name, self.n_ratings, self.rank, n_threads, n_sweeps, recommend=n)
                yield f"{self.name}/{name}/{turn}", task

    def turns(self, outcomes: dict[str, Outcome]) -> dict[str, dict[int, Outcome]]:
        """Reports by contender and turn; without those that failed."""
        found: dict[str, dict[int, Outcome]] = defaultdict(dict)
        for key, outcome in outcomes.items():
            race, name, turn = key.split("/")
            if race == self.name and "failed" not in outcome:
                found[name][int(turn)] = outcome
        return found

    def figures(self, outcomes: dict[str, Outcome]) -> dict[str, Figure]:
        """Of each contender, and ratios of our seconds a sweep to others' of the same turn."""
        turns, figures = self.turns(outcomes), {}
        ours = turns.get(self.contenders[0], {})
        others: dict[int, list[float]] = defaultdict(list)
        for name, reports in turns.items():
            for what, unit in UNITS.items():
                values = [each[what] for each in reports.values() if each.get(what) is not None]
                if what in ("fit", "rmse"):  # a later turn's are of fewer sweeps
                    values = values[:1] if 0 in reports else []
                if values:
                    figures[f"{self.name}/{name}/{what}"] = figure(values, unit)
            both = ours.keys() & reports.keys()
            if both and not is_ours(name):
                ratios = {turn: ours[turn]["sweep"] / reports[turn]["sweep"] for turn in both}
                figures[f"{self.name}/ours : {name}/sweep"] = figure(ratios.values(), "ratio")
                for turn, ratio in ratios.items():
                    others[turn].append(ratio)
        if others:  # the fastest gives the greatest ratio
            figures[f"{self.name}/ours : {FASTEST}/sweep"] = figure(
                map(max, others.values()), "ratio"
            )
        return figures

    def rows(self, figures: dict[str, Figure], outcomes: dict[str, Outcome]) -> list[list[str]]:
        """Of the table, as ``HEAD``."""
        rows, turns = [], self.turns(outcomes)
        for name in self.contenders + self.once:
            title = contender_class(name).title
            if name not in turns:
                reason = outcomes.get(f"{self.name}/{name}/0", {}).get("failed", "not run")
                rows.append([title, f"left out: {reason}", *[""] * (len(HEAD) - 2)])
                continue
            cores = statistics.median(each["cores"] for each in turns[name].values())
            n_sweeps = next(iter(turns[name].values()))["n_sweeps"]
            found = {
                what: figures[key]
                for what in UNITS
                if (key := f"{self.name}/{name}/{what}") in figures
            }
            ratio = figures.get(f"{self.name}/ours : {name}/sweep")
            rows.append(
                [
                    title,
                    told(found["sweep"], 3),
                    told(ratio, 2) if ratio else "",
                    told(found["prepare"], 1),
                    f"{found['fit']['median']:.1f} ({n_sweeps})" if "fit" in found else "",
                    f"{found['peak_memory']['high']:.2f}",
                    f"{cores:.1f}",
                    f"{found['rmse']['median']:.4f}" if "rmse" in found else "",
                    told(found["recommend"], 1) if "recommend" in found else "",
                ]
            )
        return rows


def is_ours(contender: str) -> bool:
    return issubclass(contender_class(contender), Fivestar)


HEAD = (
    *("contender", "s a sweep", "ours : it", "preparation s", "fit s (sweeps)"),
    *("peak memory GB", "cores used", "held-out RMSE", f"top-{TOP} for all users s"),
)


def told(each: Figure, digits: int) -> str:
    """The median, and in brackets the range of the turns."""
    low, median, high = (f"{each[name]:.{digits}f}" for name in ("low", "median", "high"))
    return median if low == high else f"{median} ({low} to {high})"


FULL = (
    Race(
        "20m",
        20_000_000,
        32,
        ("als", "implicit", "lenskit", "cmfrec"),
        sweeps=(20, 6),
        once=("cmfrec_exact",),
        recommend=True,
    ),
    Race("bayesian-1m", 1_000_000, 15, ("bpmf", "bayesian_mf", "myfm"), sweeps=(25, 25)),
    Race("bayesian-20m", 20_000_000, 15, ("bpmf", "bayesian_mf"), sweeps=(4, 4), n_turns=1),
)
TITLES = {
    "20m": "Alternating least squares, 20M ratings, rank 32",
    "bayesian-1m": "Gibbs sampling, 1M ratings, rank 15",
    "bayesian-20m": "Gibbs sampling, 20M ratings, rank 15",
    "1m": "Alternating least squares, 1M ratings, rank 32",
}


def quick() -> tuple[Race, ...]:
    """Beside the textbook's loop, and beside LensKit where the peers are installed."""
    peers = ("lenskit",) if PEERS.exists() else ()
    return (Race("1m", 1_000_000, 32, ("als", "numpy", *peers), sweeps=(10, 10)),)
