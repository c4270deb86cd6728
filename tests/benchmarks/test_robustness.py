"""What the trials of faults rest on: kills are spread, half files are found, pages are kept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd

from benchmarks.robustness import reading, section
from benchmarks.robustness.kills import RUNNERS, plan


def test_kills_are_spread_over_runners_ways_and_the_whole_run() -> None:
    kills = plan(100)
    assert kills == plan(100)
    assert Counter(kill.runner for kill in kills) == dict.fromkeys(RUNNERS, 25)
    for runner in RUNNERS:
        own = [kill for kill in kills if kill.runner == runner]
        assert sorted(int(25 * kill.share) for kill in own) == list(range(25))
        for way in ("store", "earlier", "group"):
            assert 6 <= sum(not getattr(kill, way) for kill in own) <= 13


def test_half_a_file_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "data/07_model_output/demo"
    folder.mkdir(parents=True)
    whole = folder / "whole.parquet"
    pd.DataFrame({"a": range(1000)}).to_parquet(whole)
    assert reading.unreadable(tmp_path) == []
    (folder / "half.parquet").write_bytes(whole.read_bytes()[:500])
    (folder / "half.json").write_text('{"a": ')
    assert [path.partition(":")[0] for path in reading.unreadable(tmp_path)] == [
        "data/07_model_output/demo/half.json",
        "data/07_model_output/demo/half.parquet",
    ]


def test_a_section_is_written_again_and_the_page_around_it_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n")
    section.write("a.py", "first", page)
    page.write_text(page.read_text() + "\nby hand\n")
    section.write("b.py", section.table(["x", "y"], [[1, 2]]), page)
    section.write("a.py", "second", page)
    text = page.read_text()
    assert "first" not in text
    assert text.index("# Title") < text.index("second") < text.index("by hand")
    assert "| x | y |\n| --- | --- |\n| 1 | 2 |" in text
