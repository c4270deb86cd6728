"""What the documents promise works as written."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest
import yaml

from docs.commands import FENCE, Command, check, commands, documents
from fivestar.config import name_members
from fivestar.models import build
from fivestar.ratings import observed

from .models.behaviour import SCALE, planted
from .project import ROOT


def code_block(document: str, language: str, containing: str) -> str:
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks: list[str] = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.M | re.S)
    for indent, block in blocks:
        if containing in block:
            return re.sub(rf"^{indent}", "", block, flags=re.M)
    raise AssertionError(f"{document} has no {language} block with {containing!r}")


def test_the_example_of_a_new_model_works_as_it_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = code_block("CONTRIBUTING.md", "python", "class UserMean")
    module = types.ModuleType("user_mean")
    monkeypatch.setitem(sys.modules, "user_mean", module)
    exec(compile(source, "user_mean.py", "exec"), module.__dict__)
    model = module.UserMean()
    train, test = planted()
    history = model.fit(train, test, scale=SCALE)
    users, items, _ = observed(train)
    mean = train.data[: train.indptr[1]].mean()
    assert model.predict(users[:1], items[:1]) == pytest.approx(mean)
    assert history.validation_rmse[0] < 0.9


def test_files_that_documents_and_makefile_name_exist() -> None:
    for document in ("README.md", "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        text = (ROOT / document).read_text(encoding="utf-8")
        for name in re.findall(r"`((?:src|conf|docs|benchmarks|tests)/[\w./-]+)`", text):
            if "my-books" not in name:
                assert (ROOT / name).exists(), f"{document} names {name}"
        for target in re.findall(r"\]\(((?!http)[^)#]+)\)", text):
            assert (ROOT / Path(document)).parent.joinpath(target).exists(), (document, target)


def test_every_model_block_is_used_or_can_be_built() -> None:
    parameters = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text())
    assert set(parameters["line_up"]) <= set(parameters["models"])
    name_members(parameters["models"])
    for name, block in parameters["models"].items():
        assert build(block, name).family == block["family"]


def test_no_committed_file_holds_data_or_runs() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "data", "mlruns"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert all(name.endswith(".gitkeep") for name in tracked)


PRINTED = [command for document in documents() for command in commands(document)]


@pytest.mark.parametrize(
    "command", PRINTED, ids=[f"{each.document}:{each.line}" for each in PRINTED]
)
def test_a_printed_command_can_be_run(command: Command) -> None:
    check(command)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("kedro walk", "no command kedro walk"),
        ("kedro run --pipeline nowhere", "no pipeline nowhere"),
        ("kedro run --quick", "No such option '--quick'"),
        ("kedro run --env nowhere", "no environment nowhere"),
        ("kedro run --namespaces alz", "alz"),
        ("kedro run --pipelines cold_start --tags nothing", "nothing"),
        ("kedro run --params speed=1", "no parameter speed"),
        ("kedro run --params cross_validation.fold=3", "no parameter cross_validation.fold"),
        ("kedro run --params models.als.factors=3", "factors"),
        ("kedro run --params models.als.n_factors=0", "n_factors"),
        ("make nothing", "No rule to make target"),
        ("make tune MODLE=als", "does not use MODLE"),
        ("make tune MODEL=alz", "alz"),
        ("python benchmarks/nothing.py", "no file benchmarks/nothing.py"),
        ("python benchmarks/models.py --model als --fast", "--fast"),
        ("python -m fivestar.download nowhere", "nowhere is not in conf/sources.yml"),
        ("als: 0.3 minutes", "no known command"),
    ],
)
def test_a_command_that_cannot_be_run_is_found(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong)):
        check(Command("a.md", 1, text))


def test_commands_are_found_in_blocks_lists_and_text() -> None:
    found = {command.text for command in PRINTED if command.document == "docs/your-own-data.md"}
    assert ".venv/bin/kedro run --env my-books" in found
    long = [command for command in PRINTED if "cross_validation.models=als; svdpp" in command.text]
    assert len(long) == 1
    assert long[0].words[-1].endswith("models=als; svdpp")


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_blocks_of_python_and_yaml_can_be_read(document: Path) -> None:
    for block in FENCE.finditer(document.read_text("utf-8")):
        source = textwrap.dedent(block[2])
        if block[1] == "python":
            compile(source, document.name, "exec")
        elif block[1] == "yaml":
            yaml.safe_load(source)
