"""How fast, beside others: each contender in a process of its own, alone, in turns.

    make peers bench-speed                   # about a quarter of an hour
    python benchmarks/speed [--quick] [--keep] [--fresh] [--threads N]

Prints tables with medians and ranges of three turns, and what changed since the latest earlier
run; ``--keep`` adds the run to benchmarks/results/history.json and, in the full form, writes the
tables of docs/speed.md. A contender that fails or takes too long is told as such, and the others
go on. Ended at any time, the command goes on where it was unless ``--fresh`` is given.

``--quick`` is of 1M ratings and takes less than a minute. Without the environment of the peers
(``make peers``) ours runs beside a loop over rows in numpy.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.speed.races import FASTEST, FULL, HEAD, TITLES, Race, quick, told
from benchmarks.timing import history, machine
from benchmarks.timing.contenders import ROOT
from benchmarks.timing.page import table, write_block
from benchmarks.timing.processes import PEERS, data_file, run
from benchmarks.timing.unfinished import Unfinished
from fivestar.lineage.revision import git_revision


def measure(races: tuple[Race, ...], n_threads: int, unfinished: Unfinished) -> None:
    for race in races:
        for key, task in race.tasks(n_threads):
            if unfinished.has(key):
                continue
            data_file(task.n_ratings)  # made before, not in the contender's time
            load = os.getloadavg()[0]
            outcome = {"load_before": load} | run(task, race.time_limit)
            unfinished.keep(key, outcome)
            result = outcome.get("failed") or f"{outcome['sweep']:.3f} s a sweep"
            print(f"{key:28s} load {load:4.1f}  {result}", flush=True)


def make_record(command: str, races: tuple[Race, ...], outcomes: dict[str, Any]) -> dict[str, Any]:
    """Figures of all races, and what they were measured with."""
    figures = {name: each for race in races for name, each in race.figures(outcomes).items()}
    reports = {key.split("/")[1]: each for key, each in outcomes.items() if "failed" not in each}
    loads = [each["load_before"] for each in outcomes.values()]
    return machine.record(
        command,
        figures,
        versions={name: each["version"] for name, each in reports.items()},
        libraries={name: each["libraries"] for name, each in reports.items()},
        load=[min(loads), max(loads)],
    )


def tables(races: tuple[Race, ...], record: dict[str, Any], outcomes: dict[str, Any]) -> str:
    """In Markdown: the machine, then a table for each race."""
    libraries = sorted({each for found in record["libraries"].values() for each in found})
    low, high = record["load"]
    parts = [
        f"{record['date'][:10]}, revision `{machine.shortened(record['revision'])}`, "
        f"{machine.told(record['machine'])}. "
        f"Load of the machine before each process: {low:.1f} to {high:.1f}. "
        f"Linear algebra: {', '.join(libraries)}."
    ]
    for race in races:
        parts += [f"**{TITLES[race.name]}**", table(HEAD, race.rows(record["figures"], outcomes))]
        ratio = record["figures"].get(f"{race.name}/ours : {FASTEST}/sweep")
        if ratio:
            parts.append(f"Our seconds a sweep to those of {FASTEST}, by turn: {told(ratio, 2)}.")
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="1M ratings, under a minute")
    parser.add_argument("--keep", action="store_true", help="add to the history, write the page")
    parser.add_argument("--fresh", action="store_true", help="measure all again")
    parser.add_argument("--threads", type=int, default=machine.n_cores())
    options = parser.parse_args()
    command = "speed --quick" if options.quick else "speed"
    races = quick() if options.quick else FULL
    if not PEERS.exists():
        print("Without the peers: `make peers` makes their environment (.venv-peers).")
    plan = {"revision": git_revision(ROOT), "races": [vars(race) for race in races]}
    plan |= {"threads": options.threads, "machine": machine.describe()}
    unfinished = Unfinished(command.replace(" --", "-"), plan, fresh=options.fresh)
    measure(races, options.threads, unfinished)
    record = make_record(command, races, unfinished.outcomes)
    text = tables(races, record, unfinished.outcomes)
    print(f"\n{text}")
    history.tell(record, keep=options.keep)
    if options.keep and not options.quick:
        write_block("speed", text)
    unfinished.done()


if __name__ == "__main__":
    main()
