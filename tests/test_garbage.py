"""What the garbage collector leaves alone."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from fivestar.garbage import look_as_usual, look_rarely

class Cycle:
    def __init__(self, name):
        self.own, self.name = self, name

    def __del__(self):
        print(self.name)

usual = gc.get_threshold()
look_as_usual()
assert gc.get_freeze_count() == 0
look_rarely()
assert gc.get_threshold()[0] > 10 * usual[0]
made = [[] for _ in range(1000)]
look_as_usual()
assert gc.get_threshold() == usual
assert gc.get_freeze_count() >= 1000
Cycle("found while it runs")
gc.collect()
Cycle("not looked for at its end")
print("end")
"""


def test_collector_passes_over_what_imports_made_and_over_the_end() -> None:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["found while it runs", "end"]
