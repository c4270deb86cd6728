from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from benchmarks.scaling.curves import Point, memory_of_ratings, slope_along, tasks
from benchmarks.speed.races import Race
from benchmarks.timing import history, processes
from benchmarks.timing.child import measure
from benchmarks.timing.contenders import CONTENDERS
from benchmarks.timing.history import Record, compare, figure
from benchmarks.timing.processes import Task
from benchmarks.timing.unfinished import Unfinished

from ..models.behaviour import planted


def record(command: str = "speed", machine: str = "a", **values: tuple[str, list[float]]) -> Record:
    figures = {name: figure(of, unit) for name, (unit, of) in values.items()}
    told = {"date": "2026-01-02T03:04:05", "revision": "0123456789ab"}
    return {**told, "command": command, "machine": {"processor": machine}, "figures": figures}


def verdicts(new: Record, *earlier: Record) -> dict[str, str]:
    return {change.figure: change.verdict for change in compare(new, earlier)}


def test_a_change_counts_if_the_turns_do_not_overlap() -> None:
    old = record(sweep=("s", [1.0, 1.1, 1.2]))
    assert verdicts(record(sweep=("s", [1.5, 1.6, 1.7])), old) == {"sweep": "worse"}
    assert verdicts(record(sweep=("s", [0.7, 0.8, 0.9])), old) == {"sweep": "better"}
    assert verdicts(record(sweep=("s", [1.15, 1.6, 1.7])), old) == {"sweep": "within the noise"}


def test_turns_that_agree_too_well_do_not_make_a_small_change_count() -> None:
    old, new = (record(sweep=("s", [value] * 3)) for value in (1.0, 1.02))
    assert verdicts(new, old) == {"sweep": "within the noise"}
    old, new = (record(rmse=("stars", [value])) for value in (0.80, 0.81))
    assert verdicts(new, old) == {"rmse": "worse"}


def test_seconds_are_compared_on_the_same_machine_and_ratios_everywhere() -> None:
    old = record(machine="b", sweep=("s", [1.0]), ratio=("ratio", [0.5]))
    new = record(machine="a", sweep=("s", [2.0]), ratio=("ratio", [1.0]))
    assert verdicts(new, old) == {"ratio": "worse"}
    same = record(machine="a", sweep=("s", [3.0]))
    assert verdicts(new, same, old) == {"sweep": "better", "ratio": "worse"}


def test_the_latest_run_of_the_same_command_is_taken() -> None:
    first, second = (record(sweep=("s", [value])) for value in (1.0, 2.0))
    other = record(command="speed --quick", sweep=("s", [9.0]))
    [change] = compare(record(sweep=("s", [3.0])), [first, second, other])
    assert change.before == 2
    assert change.percent == pytest.approx(50)
    assert "worse" in str(change)


def test_history_grows_by_one(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    for value in (1.0, 2.0):
        history.append(record(sweep=("s", [value])), path)
    assert [each["figures"]["sweep"]["median"] for each in history.load(path)] == [1, 2]


def report(sweep: float, **more: Any) -> dict[str, Any]:
    return {"sweep": sweep, "prepare": 1.0, "fit": 9.0, "peak_memory": 0.5, "cores": 2.0} | more


def test_ratios_are_of_the_same_turn_and_failures_are_left_out() -> None:
    race = Race("r", 1000, 8, ("als", "lenskit", "cmfrec"), sweeps=(5, 3), n_turns=2)
    assert [key for key, _ in race.tasks(1)][:4] == [
        "r/als/0",
        "r/lenskit/0",
        "r/cmfrec/0",
        "r/als/1",
    ]
    outcomes = {
        "r/als/0": report(1.0, rmse=0.8, n_sweeps=5),
        "r/lenskit/0": report(2.0, n_sweeps=5),
        "r/cmfrec/0": {"failed": "not installed"},
        "r/als/1": report(3.0, rmse=0.9, n_sweeps=3),
        "r/lenskit/1": report(4.0, n_sweeps=3),
    }
    figures = race.figures(outcomes)
    ratio = figures["r/ours : lenskit/sweep"]
    assert (ratio["low"], ratio["median"], ratio["high"]) == (0.5, 0.625, 0.75)
    assert figures["r/ours : the fastest other/sweep"] == ratio
    assert figures["r/als/rmse"]["median"] == 0.8
    assert not any("cmfrec" in name for name in figures)
    assert "not installed" in race.rows(figures, outcomes)[2][1]


def test_outcomes_of_the_same_plan_are_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.timing.unfinished.FOLDER", tmp_path)
    first = Unfinished("speed", {"revision": "a"}, fresh=False)
    first.keep("one", report(1.0))
    first.keep("two", {"failed": "took too long"})
    again = Unfinished("speed", {"revision": "a"}, fresh=False)
    assert again.has("one")
    assert not again.has("two")
    assert not Unfinished("speed", {"revision": "b"}, fresh=False).has("one")
    again.done()
    assert not Unfinished("speed", {"revision": "a"}, fresh=False).has("one")


def test_a_contender_is_measured_on_ratings_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "DATA", tmp_path)
    task = Task("numpy", 3_000, rank=2, sweeps=3)
    path = processes.data_file(task.n_ratings)
    assert processes.data_file(task.n_ratings) == path
    found = measure(asdict(task) | {"data": str(path)})
    assert found["n_sweeps"] == 3
    assert 0.5 < found["rmse"] < 1.3
    assert {"sweep", "prepare", "fit", "peak_memory", "cores", "version"} <= found.keys()


def test_without_the_peers_it_is_said_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PEERS", tmp_path / "python")
    assert "make peers" in processes.run(Task("lenskit", 3_000), time_limit=1)["failed"]


def test_slopes_are_the_powers() -> None:
    curve = [
        Point("als", "n_ratings", 10**p, 0.1 * 10 ** (1.5 * p), 0.3 + 10**p / 1e7)
        for p in (5, 6, 7)
    ]
    assert slope_along("n_ratings", curve) == pytest.approx(1.5)
    assert slope_along("rank", curve) is None
    assert memory_of_ratings(curve) == pytest.approx(0.1)


def test_every_default_model_has_its_curves_and_no_point_occurs_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.scaling.curves.has_rank", lambda name: name != "item_mean")
    names = [key for key, _ in tasks(2, largest=True)]
    assert len(names) == len(set(names))
    assert {"als/rank/128", "item_mean/n_ratings/20000000", "lenskit/threads/2"} <= set(names)
    assert "item_mean/rank/8" not in names


def test_ours_and_the_textbook_solve_the_same_problem() -> None:
    """So their times can be compared."""
    train, _ = planted()
    contenders = [CONTENDERS[name](sparse.csr_array(train), 3, 1) for name in ("als", "numpy")]
    users, items = np.arange(20) % train.shape[0], np.arange(20) % train.shape[1]
    predicted = []
    for contender in contenders:
        contender.prepare()
        contender.fit(30)
        predicted.append(contender.predict(users, items))
    np.testing.assert_allclose(predicted[0], predicted[1], atol=0.02)
