"""Bad input is refused in plain words; the benchmark tries all of the catalogue, this some."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.robustness import small_project
from benchmarks.robustness.bad_input import attempt
from benchmarks.robustness.bad_input_pages import MESSAGES, TABLE, TITLES
from benchmarks.robustness.bad_inputs import bad_inputs

CATALOGUE = {given.wrong: given for given in bad_inputs()}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_project.make(
        tmp_path_factory.mktemp("good") / "project", models=["item_mean"], runs=[""]
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "A way to split does not exist",
        "A model's block is a number",
        "An entry of the catalog has an unknown key",
        "The split is missing",
        "An environment does not exist",
        "A pipeline does not exist",
    ],
)
def test_a_bad_input_is_one_message_and_earlier_outputs_stay(
    wrong: str, good: Path, tmp_path: Path
) -> None:
    assert attempt(CATALOGUE[wrong], good, tmp_path).faults == []


def test_the_catalogue_has_many_bad_inputs_of_every_kind() -> None:
    assert len(CATALOGUE) == len(bad_inputs()) >= 80
    assert {given.kind for given in CATALOGUE.values()} == set(TITLES)


@pytest.mark.parametrize("wrong", CATALOGUE)
def test_every_message_stands_in_troubleshooting(wrong: str) -> None:
    given = CATALOGUE[wrong]
    text = MESSAGES.read_text(encoding="utf-8")
    assert text.count(f"**{wrong}**") == 1
    _, _, section = text.partition(f"**{wrong}**")
    advice, message, *_ = section.split("```")
    assert given.fix in advice
    said = " ".join(message.removeprefix("text").split())
    assert [part for part in given.says if part not in said] == []


def test_every_bad_input_was_tried_and_all_outputs_were_kept() -> None:
    tried = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if "| ``" in line]
    assert [line.split(" | ")[1] for line in tried] == list(CATALOGUE)
    assert all(line.endswith("| yes |") and " | 0 | " not in line for line in tried)
