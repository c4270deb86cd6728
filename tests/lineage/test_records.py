"""Records: what an output was made of, how that differs from now, whether its files changed."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fivestar.lineage import files
from fivestar.lineage.files import HasFiles, RawFiles, local_files, state
from fivestar.lineage.records import Origin, Record, differences, digest, place_of
from fivestar.lineage.revision import git_revision

ORIGIN = Origin(
    "model",
    steps={"als.fit": 2},
    inputs={"ratings_raw": "0123456789abcdef"},
    parameters={"params:models.als": {"n_factors": 4, "solver": {"name": "cg"}}},
)


def test_any_change_of_an_origin_changes_its_fingerprint() -> None:
    changed = [
        replace(ORIGIN, output="other"),
        replace(ORIGIN, steps={"als.fit": 3}),
        replace(ORIGIN, inputs={"ratings_raw": "f"}),
        replace(ORIGIN, parameters={"params:models.als": {"n_factors": 5}}),
    ]
    fingerprints = {each.fingerprint for each in [ORIGIN, *changed]}
    assert len(fingerprints) == 5
    assert {len(each) for each in fingerprints} == {32}
    assert Origin("empty") == Origin("empty", {}, {}, {})


def test_a_digest_is_the_same_in_whatever_order_names_come() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})
    assert digest({"a": Path("x")}) == digest({"a": "x"})
    assert len(digest(1)) == 32


def test_differences_name_each_setting_with_both_values() -> None:
    now = Origin(
        "model",
        steps={"als.fit": 3, "als.refit": None},
        inputs={"ratings_raw": "fedcba9876543210", "users_raw": "a" * 20},
        parameters={"params:models.als": {"n_factors": 5, "solver": {"name": "lu"}, "seed": 1}},
    )
    assert ORIGIN.differences(now) == [
        "params:models.als.n_factors 4, now 5",
        "params:models.als.seed none, now 1",
        'params:models.als.solver.name "cg", now "lu"',
        "ratings_raw 01234567, now fedcba98",
        "users_raw none, now aaaaaaaa",
        "step als.fit 2, now 3",
    ]
    assert now.differences(ORIGIN)[4] == "users_raw aaaaaaaa, now none"
    assert ORIGIN.differences(ORIGIN) == []


def test_equal_values_do_not_differ_in_whatever_order_names_come() -> None:
    assert differences({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}) == []
    assert differences({"a": Path("x")}, {"a": Path("x")}) == []
    assert differences({"a": Path("x")}, {"a": Path("y")}) == ['a "x", now "y"']
    assert differences({"a": {"x": 1}}, {"a": 2}) == ['a {"x": 1}, now 2']
    assert differences({"b": 1}, {"a": 1}) == ["a none, now 1", "b 1, now none"]


@pytest.mark.parametrize("left_out", [None, {"max_minutes": 1.5}])
def test_a_record_comes_back_as_it_was_saved(tmp_path: Path, left_out: dict | None) -> None:
    record = Record(ORIGIN, {"a.csv": [1, 2, "3"]}, failed=True, left_out=left_out)
    place = tmp_path / "deep/er/record.json"
    record.save(place)
    assert Record.load(place) == record
    assert Record(ORIGIN, {}).failed is False
    assert place.read_text().count("\n") > 10, "a person can read it"


def test_a_record_may_hold_what_json_has_no_word_for(tmp_path: Path) -> None:
    Record(replace(ORIGIN, parameters={"at": Path("x")}), {}).save(tmp_path / "r.json")
    found = Record.load(tmp_path / "r.json")
    assert found is not None
    assert found.origin.parameters == {"at": "x"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"origin": {}}', '{"origin": {"output": 1}, "x": 2}']
)
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_text(text)
    assert Record.load(tmp_path / "record.json") is None
    (tmp_path / "record.json").write_bytes(b"\x80\x04")
    assert Record.load(tmp_path / "record.json") is None
    assert Record.load(tmp_path / "missing.json") is None


def test_a_record_lies_beside_the_output() -> None:
    assert place_of("als.model", [Path("d/als/model.json"), Path("d/b")]) == Path(
        "d/als/.lineage/als.model.json"
    )


def test_files_that_changed_went_or_came_are_told(tmp_path: Path) -> None:
    same, other, gone, new = (tmp_path / name for name in ("same", "other", "gone", "new"))
    for path in (same, other, gone):
        path.write_text("before")
    known = {path.name: state(path) for path in (same, other, gone)}
    record = Record(ORIGIN, {name: value for name, value in known.items() if value})
    other.write_text("later")
    gone.unlink()
    new.write_text("new")
    assert record.changed_files([same, other, gone, new]) == [other, gone, new]
    same.write_text("before")  # at another time
    assert record.changed_files([same]) == []
    assert record.changed_files([tmp_path / "never there"]) == []


# -- states of files


def test_the_state_of_a_file_is_its_size_time_and_sha256(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert state(path) == [3, path.stat().st_mtime_ns, sha256]
    assert state(tmp_path / "missing") is None


def test_the_state_of_a_folder_is_that_of_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inside").mkdir(parents=True)
    assert state(folder) is not None
    (folder / "a").write_bytes(b"abc")
    (folder / "inside/b").write_bytes(b"de")
    first = state(folder)
    assert first is not None
    assert first[0] == 5
    assert first[1] == max((folder / name).stat().st_mtime_ns for name in ("a", "inside/b"))
    (folder / "inside/b").write_bytes(b"df")
    again = state(folder)
    assert again is not None
    assert again[0] == 5
    assert again[2] != first[2]
    (folder / "inside/b").write_bytes(b"de")
    assert (state(folder) or [])[2] == first[2]


def test_what_has_the_known_size_and_time_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    known = state(path)
    assert known is not None
    read: list[Path] = []
    monkeypatch.setattr(files, "_sha256", lambda path: read.append(path) or "new")
    assert state(path, known) is known
    assert read == []
    for stale in ([known[0] + 1, *known[1:]], [known[0], known[1] - 1, known[2]], None):
        assert (state(path, stale) or [])[2] == "new"
    assert read == [path] * 3


class Ours:
    files = [Path("a"), Path("b")]


class Theirs:
    def __init__(self, path: object, protocol: str | None = None) -> None:
        self._filepath = path
        if protocol is not None:
            self._protocol = protocol


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (Ours(), ["a", "b"]),
        (Theirs("c"), ["c"]),
        (Theirs("c", "file"), ["c"]),
        (Theirs("c", "local"), ["c"]),
        (Theirs("c", "s3"), []),
        (Theirs(None), []),
        (object(), []),
    ],
)
def test_files_of_datasets_ours_and_theirs(dataset: object, expected: list[str]) -> None:
    assert local_files(dataset) == [Path(name) for name in expected]
    assert isinstance(dataset, HasFiles) == isinstance(dataset, Ours)


def test_raw_files_are_read_once_until_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = tmp_path / "raw.csv", tmp_path / "deep/known.json"
    path.write_bytes(b"abc")
    first = RawFiles(cache).digest(path)
    assert first.startswith("ba7816bf")
    assert json.loads(cache.read_text()) == {str(path): state(path)}
    unread = cache.stat().st_mtime_ns
    with monkeypatch.context() as patched:
        patched.setattr(files, "_sha256", lambda _: pytest.fail("it was read again"))
        assert RawFiles(cache).digest(path) == first
    assert cache.stat().st_mtime_ns == unread
    path.write_bytes(b"abcd")
    assert RawFiles(cache).digest(path) != first
    assert RawFiles(cache).digest(tmp_path / "missing") == "missing"


def test_a_broken_cache_of_raw_files_is_made_again(tmp_path: Path) -> None:
    path, cache = tmp_path / "raw.csv", tmp_path / "known.json"
    path.write_bytes(b"abc")
    for broken in (b"{", b"\x80\x04"):
        cache.write_bytes(broken)
        assert RawFiles(cache).digest(path).startswith("ba7816bf")
        assert str(path) in json.loads(cache.read_text())


# -- the revision


def test_the_revision_is_the_commit_and_whether_files_differ(tmp_path: Path) -> None:
    assert git_revision(tmp_path / "missing") == "unknown"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    (tmp_path / "a").write_text("a")
    for command in (["init", "-q"], ["add", "a"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert git_revision(tmp_path) == head.stdout.strip()
    (tmp_path / "a").write_text("b")
    assert git_revision(tmp_path) == head.stdout.strip() + "-dirty"
