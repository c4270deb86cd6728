"""How many small changes of the code the tests find: ``make mutation``.

mutmut makes the mutants (``[tool.mutmut]`` in pyproject.toml says of which files, and which tests
are tried on them). Of each group a random sample is tried, the same one each time; ``--sample 0``
tries all. What was tried before is not tried again: ``--fresh`` does so, after a test was added.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).parents[1]
MUTANTS = ROOT / "mutants"
GROUPS = {
    "metrics": "fivestar.metrics.",
    "ratings": "fivestar.ratings.",
    "splitting": "fivestar.pipelines.splitting.",
    "lineage": ("fivestar.lineage.", "fivestar.hooks.lineage."),
}
FOUND = ("killed", "timeout", "segfault", "suspicious")
"""How a mutant ends that some test does not pass with."""
FIRST = "fivestar.ratings.scale.*"
"""The fewest mutants that mutmut can be asked to try: it makes all of them first."""
Z = 1.96


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sample", type=int, default=100, help="mutants of each group; 0: all")
    parser.add_argument("--groups", nargs="*", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--fresh", action="store_true", help="forget what was tried before")
    given = parser.parse_args()
    if given.fresh and MUTANTS.exists():
        shutil.rmtree(MUTANTS)
    if not results():
        mutmut(given.processes, FIRST)
    asked = {name: sample(name, given.sample, given.seed) for name in given.groups}
    statuses = results()
    untried = [each for names in asked.values() for each in names if statuses[each] is None]
    if untried:
        mutmut(given.processes, *untried)
    tell(asked)
    return 0


def mutmut(processes: int, *names: str) -> None:
    command = ["mutmut", "run", "--max-children", str(processes), *names]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False)


def results() -> dict[str, int | None]:
    """How each mutant ended, by its name; None of one that was not tried."""
    found: dict[str, int | None] = {}
    for path in sorted(MUTANTS.rglob("*.meta")):
        found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def sample(group: str, size: int, seed: int) -> list[str]:
    names = sorted(name for name in results() if name.startswith(GROUPS[group]))
    return random.Random(seed).sample(names, min(size or len(names), len(names)))


def tell(asked: dict[str, list[str]]) -> None:
    statuses = results()
    print("\n| part | mutants | tried | found | share | 95 % interval |\n|---|---|---|---|---|---|")
    whole: list[str] = []
    for group, names in [*asked.items(), ("all", [])]:
        ended = {each: status_by_exit_code[statuses[each]] for each in names or whole}
        tried = {each: how for each, how in ended.items() if how != "not checked"}
        found = sum(how in FOUND for how in tried.values())
        n_all = sum(each.startswith(GROUPS[group]) for each in statuses) if names else len(statuses)
        share, low, high = interval(found, len(tried))
        print(
            f"| {group} | {n_all:,} | {len(tried):,} | {found:,} | {share:.1%} "
            f"| {low:.0%} to {high:.0%} |"
        )
        whole += names
    print("\nNot found:", *survivors(whole, statuses), sep="\n  ")


def survivors(names: list[str], statuses: dict[str, int | None]) -> Iterator[str]:
    for each in sorted(names):
        how = status_by_exit_code[statuses[each]]
        if how not in (*FOUND, "not checked"):
            yield f"{each}: {how}"


def interval(found: int, tried: int) -> tuple[float, float, float]:
    """The share, and Wilson's interval of it."""
    if not tried:
        return 0.0, 0.0, 1.0
    share, spread = found / tried, Z**2 / tried
    middle = (share + spread / 2) / (1 + spread)
    reach = Z * (share * (1 - share) / tried + spread / tried / 4) ** 0.5 / (1 + spread)
    return share, middle - reach, middle + reach


if __name__ == "__main__":
    sys.exit(main())
