"""What ratings, rank and cores cost: curves of every default model and of the peers.

    make peers bench-scaling                    # about a quarter of an hour
    python benchmarks/scaling [--largest] [--fresh] [--page] [--time-limit S]

Seconds a sweep and peak memory, each point in a process of its own: by ratings (1e5 to 1e7, with
``--largest`` 2e7), by rank (8 to 128) and by cores. Writes benchmarks/results/scaling.json, the
table of docs/speed.md with the slope of each curve, and docs/pictures/scaling.png; ``--page``
writes the latter two again from the first. A point that takes longer than the time limit is left
out, with the larger ones of its curve. Ended at any time, the command goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.scaling import curves
from benchmarks.scaling.picture import draw
from benchmarks.timing import machine
from benchmarks.timing.contenders import ROOT
from benchmarks.timing.page import table, write_block
from benchmarks.timing.processes import Task, data_file, run
from benchmarks.timing.unfinished import FOLDER, Unfinished
from fivestar.files import replacing
from fivestar.lineage.revision import git_revision

RESULTS = FOLDER / "scaling.json"
HEAD = (
    *("", "s a sweep, 1M ratings", "slope by ratings", "slope by rank", "slope by cores"),
    *("GB for 1M ratings more", "left out"),
)


def measure(unfinished: Unfinished, *, largest: bool, time_limit: float) -> None:
    failed: set[str] = set()
    measured: dict[Task, dict[str, Any]] = {}
    for key, task in curves.tasks(machine.n_cores(), largest=largest):
        curve, _, _ = key.rpartition("/")
        if unfinished.has(key):
            measured[task] = unfinished.outcomes[key]
            continue
        if curve in failed:
            unfinished.keep(key, {"failed": "a smaller one failed"})
            continue
        data_file(task.n_ratings)
        # Where the curves of a contender cross there is one point.
        outcome = measured[task] = measured.get(task) or run(task, time_limit)
        unfinished.keep(key, outcome)
        if "failed" in outcome:
            failed.add(curve)
        told = outcome.get("failed") or f"{outcome['sweep']:.4f} s, {outcome['peak_memory']:.2f} GB"
        print(f"{key:44s} {told}", flush=True)


def show(record: dict[str, Any]) -> None:
    """The table and the picture."""
    outcomes = record["outcomes"]
    points = curves.points(outcomes)
    rows = []
    for name, each in groupby(points, lambda point: point.contender):
        curve = list(each)
        usual = [p.sweep for p in curve if (p.axis, p.x) == ("n_ratings", curves.SIZE)]
        slopes = [curves.slope_along(axis, curve) for axis in curves.AXES]
        memory = curves.memory_of_ratings(curve)
        rows.append(
            [
                f"`{name}`" if name not in curves.PEERS else name,
                f"{usual[0]:.4f}" if usual else "",
                *("" if one is None else f"{one:.2f}" for one in slopes),
                "" if memory is None else f"{memory:.3f}",
                left_out(name, outcomes),
            ]
        )
    date, revision = record["date"][:10], machine.shortened(record["revision"])
    about = f"{date}, revision `{revision}`, {machine.told(record['machine'])}"
    text = f"{about}.\n\n{table(HEAD, rows)}\n\n![Curves](pictures/scaling.png)"
    print(f"\n{text}")
    write_block("scaling", text)
    processor, n_cores = (record["machine"][name] for name in ("processor", "cores"))
    draw(points, f"{processor}, {n_cores} cores, {date}")


def left_out(name: str, outcomes: dict[str, Any]) -> str:
    """Which points of a contender, and why the first of them."""
    failed = {
        key: each["failed"]
        for key, each in outcomes.items()
        if key.startswith(f"{name}/") and "failed" in each
    }
    places = ", ".join(
        f"{curves.AXES[axis]} {int(x):,}" for _, axis, x in (key.split("/") for key in failed)
    )
    return f"{places}: {next(iter(failed.values()))}" if failed else ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--largest", action="store_true", help=f"{curves.LARGEST:,} ratings too")
    parser.add_argument("--fresh", action="store_true", help="measure all again")
    parser.add_argument("--page", action="store_true", help="from the latest results")
    parser.add_argument("--time-limit", type=float, default=100, help="seconds for a point")
    options = parser.parse_args()
    if not options.page:
        plan = {"revision": git_revision(ROOT), "machine": machine.describe()}
        unfinished = Unfinished("scaling", plan, fresh=options.fresh)
        measure(unfinished, largest=options.largest, time_limit=options.time_limit)
        record = machine.record("scaling", {}, outcomes=unfinished.outcomes)
        with replacing(RESULTS) as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        unfinished.done()
    show(json.loads(RESULTS.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
