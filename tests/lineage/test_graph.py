"""What each dataset would be made of now, and what is wrong with what lies there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fivestar.lineage.graph import Status, shown
from fivestar.lineage.records import Record, place_of

from .graph import FILES, clean, graph, pipeline, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with everything made."""
    write(tmp_path, "raw")
    write(tmp_path, *FILES[1:])
    return tmp_path


def test_an_origin_has_the_steps_inputs_and_parameters_back_to_what_is_on_disk(
    folder: Path,
) -> None:
    made = graph(folder)
    (origin,) = made.origins("als.model")
    assert origin.output == "als.model"
    assert origin.steps == {"als.fit": {"version": 1, "label": "als"}, "split": 2}
    assert origin.parameters == {"params:models.als": {"n_factors": 4}, "params:seed": 1}
    assert origin.inputs == {"clean": made.fingerprint("clean")}
    (measured,) = made.origins("metrics")
    assert measured.inputs == {"als.model": made.fingerprint("als.model")}
    assert measured.steps == {"measure": 1}
    assert measured.parameters["parameters"]["models"] == {"als": {"n_factors": 4}}
    assert measured.parameters["parameters"]["path"] == "x"
    (cleaned,) = made.origins("clean")
    assert cleaned.inputs == {"raw": made.fingerprint("raw")}


def test_what_is_on_disk_is_persisted_what_is_in_memory_is_not(folder: Path) -> None:
    made = graph(folder)
    assert [made.is_persisted(name) for name in ("clean", "data", "unheard")] == [
        True,
        False,
        False,
    ]
    assert made.remade == {*FILES[1:], "data"}
    assert graph(folder, parts=("measure",)).remade == {"metrics"}


def test_parameters_that_are_missing_are_none(folder: Path) -> None:
    made = graph(folder, models={})
    assert made.origins("als.model")[0].parameters["params:models.als"] is None
    made = graph(folder, models=3)
    assert made.origins("als.model")[0].parameters["params:models.als"] is None


def test_all_that_was_made_so_is_fresh(folder: Path) -> None:
    made = graph(folder)
    assert [made.status(name) for name in FILES[1:]] == [Status(name) for name in FILES[1:]]
    part = graph(folder, parts=("measure",))
    assert part.status("als.model") == Status("als.model")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda files, place: files.unlink(), "is not there"),
        (lambda files, place: place.unlink(), "nothing is recorded of what it was made of"),
        (lambda files, place: files.write_text("x"), "clean.csv changed since it was made"),
    ],
)
def test_what_is_missing_changed_or_of_unknown_origin_is_told(
    folder: Path, spoil: Any, problem: str
) -> None:
    path = folder / "data/clean.csv"
    spoil(path, place_of("clean", [path]))
    assert graph(folder).status("clean") == Status("clean", problem)


def test_a_change_is_told_of_all_that_follow_it_with_the_root(folder: Path) -> None:
    changed = graph(folder, seed=2)
    assert changed.status("clean").problem == ""
    assert changed.status("als.model").problem == "made of other inputs (params:seed 1, now 2)"
    told = changed.status("metrics").problem
    assert told == "made of other inputs (params:seed 1, now 2)"
    other = graph(folder, path="y")
    assert other.status("als.model").problem == ""
    assert 'parameters.path "x", now "y"' in other.status("metrics").problem


def test_a_changed_raw_file_changes_everything(folder: Path) -> None:
    was = graph(folder).fingerprint("raw")
    (folder / "data/raw.csv").write_text("raw\n2\n")
    changed = graph(folder)
    now = changed.fingerprint("raw")
    for name in FILES[1:]:
        problem = f"made of other inputs (raw {was[:8]}, now {now[:8]})"
        assert changed.status(name) == Status(name, problem)


def test_where_an_intermediate_has_no_record_the_nearest_difference_is_told(folder: Path) -> None:
    was = graph(folder).fingerprint("als.model")
    path = folder / "data/als.model.csv"
    place_of("als.model", [path]).unlink()
    changed = graph(folder, seed=2)
    now = changed.fingerprint("als.model")
    told = changed.status("metrics").problem
    assert f"als.model {was[:8]}, now {now[:8]}" in told
    assert "parameters.seed 1, now 2" in told


def test_how_a_raw_file_is_read_counts_where_it_lies_does_not(folder: Path) -> None:
    def fingerprint(**entry: Any) -> str:
        return graph(folder, configuration={"raw": entry}).fingerprint("raw")

    plain = fingerprint(separator=",")
    assert plain != fingerprint(separator=";")
    assert plain == fingerprint(separator=",", filepath="elsewhere", metadata={"a": 1})
    assert graph(folder).fingerprint("raw") == graph(folder, configuration={}).fingerprint("raw")
    assert len(graph(folder).fingerprint("not in the catalog")) == 32


def test_steps_of_another_version_or_with_other_fixed_arguments_are_other_steps(
    folder: Path,
) -> None:
    labelled = graph(folder, whole=pipeline(label="other"))
    assert 'step als.fit.label "als", now "other"' in labelled.status("als.model").problem

    def newer(raw: Any) -> Any:
        return clean(raw)

    newer.__name__, newer.version = "clean", 5  # type: ignore[attr-defined]
    renewed = graph(folder, whole=pipeline(clean=newer))
    assert renewed.status("clean").problem == "made of other inputs (step clean 1, now 5)"
    assert renewed.status("metrics").problem == "made of other inputs (step clean 1, now 5)"


def test_of_several_makers_any_will_do_but_for_what_the_run_makes_itself(folder: Path) -> None:
    other = pipeline(label="other")
    both = graph(folder, parts=("measure",), also=(other,))
    assert len(both.makers["als.model"]) == 2
    assert len(both.makers["clean"]) == 1
    assert both.status("als.model") == Status("als.model")
    write(folder, "als.model", of=graph(folder, whole=other))
    assert both.status("als.model") == Status("als.model")
    # What follows is of the one that lies there.
    fresh = graph(folder, parts=("measure",), also=(other,))
    assert fresh.fingerprint("als.model") == fresh.origins("als.model")[1].fingerprint
    assert fresh.status("metrics").problem != ""
    remaking = graph(folder, also=(other,))
    assert remaking.status("als.model").problem != ""
    assert remaking.fingerprint("als.model") == remaking.origins("als.model")[0].fingerprint


def test_expected_and_allowed_times_are_no_part_of_what_a_model_is_made_of(folder: Path) -> None:
    assert graph(folder, max_minutes=99).status("als.model").problem == ""


def test_a_model_left_out_is_tried_again_once_it_may_take_another_time(folder: Path) -> None:
    write(folder, "als.model", left_out={"max_minutes": 10})
    assert graph(folder).allowed_time == {"max_minutes": 10}
    assert graph(folder).status("als.model") == Status("als.model")
    told = "the model was left out (max_minutes 10, now 20)"
    longer = graph(folder, max_minutes=20).status("als.model")
    assert longer == Status("als.model", told, failed=True)


def test_a_failure_is_known_whatever_else_is_wrong(folder: Path) -> None:
    write(folder, "als.model", failed=True)
    assert graph(folder).status("als.model") == Status("als.model", failed=True)
    assert graph(folder, seed=2).status("als.model").failed
    (folder / "data/als.model.csv").write_text("x")
    assert graph(folder).status("als.model").failed


def test_a_record_is_read_back(folder: Path) -> None:
    made = graph(folder)
    record = made.record("clean")
    assert isinstance(record, Record)
    assert record.origin == made.origins("clean")[0]


def test_paths_are_shown_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "a/b") == "a/b"
    assert shown(Path("/elsewhere")) == "/elsewhere"
