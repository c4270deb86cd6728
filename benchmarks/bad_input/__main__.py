"""Bad inputs, each tried for real: exit code, message, and that earlier outputs are kept.

    python benchmarks/bad_input [--only TEXT] [--show]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.bad_input.catalogue import CATALOGUE
from benchmarks.bad_input.case import Case
from benchmarks.bad_input.trial import Outcome, good_project, tried


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--good", type=Path)
    options = parser.parse_args()
    cases = [(kind, case) for kind, all in CATALOGUE.items() for case in all if options.only in f"{kind}: {case.wrong}"]
    with tempfile.TemporaryDirectory() as place:
        good = options.good or Path(place) / "good"
        if not good.exists():
            good_project(good)

        def attempt(numbered: tuple[int, tuple[str, Case]]) -> Outcome:
            number, (_, case) = numbered
            folder = Path(place) / f"case-{number}"
            try:
                return tried(case, good, folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        n_bad = 0
        with ThreadPoolExecutor(2) as pool:
            for (kind, case), outcome in zip(cases, pool.map(attempt, enumerate(cases)), strict=True):
                faults = outcome.faults(case)
                n_bad += bool(faults)
                print(f"{'BAD' if faults else 'ok '} {kind}: {case.wrong} [{outcome.code}] kept={outcome.kept}\n    {outcome.message[:700] or outcome.output[-700:]!r}\n    {faults}", flush=True)
    print(len(cases), "cases", n_bad, "bad")


if __name__ == "__main__":
    main()
