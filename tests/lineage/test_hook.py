"""The hook refuses what is stale, marks what is to be made again, and records what is saved."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node

from fivestar.datasets import CsvTable, TrainedModels
from fivestar.errors import InputError
from fivestar.failure import Failure
from fivestar.hooks import lineage
from fivestar.hooks.lineage import LineageHook, Redone
from fivestar.lineage.records import Record, place_of

from .graph import FILES, PARAMETERS, catalog, graph, pipeline, write

REGISTERED = {"__default__": pipeline()}
TWO_INPUTS = ("als.fit_als", "split", "measure")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with everything made, which is the working directory."""
    (tmp_path / "data/01_raw").mkdir(parents=True)
    write(tmp_path, "raw")
    write(tmp_path, *FILES[1:])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lineage, "all_pipelines", lambda: REGISTERED)
    return tmp_path


class Loader(dict[str, Any]):
    default_run_env = "demo"


def hook(folder: Path, monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> LineageHook:
    made = LineageHook()
    loader = Loader(parameters={**PARAMETERS, **parameters})
    monkeypatch.setattr(lineage, "loader_of", lambda _: loader)
    made.after_context_created(SimpleNamespace(project_path=folder))  # type: ignore[arg-type]
    made.after_catalog_created({})
    return made


def part(*nodes: str, whole: Pipeline | None = None) -> Pipeline:
    return (pipeline() if whole is None else whole).filter(node_names=list(nodes))


def test_fresh_inputs_are_let_through_and_nothing_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = catalog(folder)
    hook(folder, monkeypatch).check({"only_missing_outputs": True}, pipeline(), given)
    assert not any(isinstance(given.get(name), Redone) for name in FILES)
    hook(folder, monkeypatch).check({}, part("measure"), given)
    assert (folder / "data/01_raw/.fingerprints.json").exists()


@pytest.mark.parametrize(
    ("run_params", "command"),
    [
        ({}, "kedro run --only-missing-outputs"),
        ({"env": "demo"}, "kedro run --only-missing-outputs"),
        ({"env": "ml-1m"}, "kedro run --env ml-1m --only-missing-outputs"),
        (
            {"runtime_params": {"seed": 2, "models": {"als": {"n_factors": 5}}}},
            "kedro run --params seed=2,models.als.n_factors=5 --only-missing-outputs",
        ),
        (
            {"runtime_params": {"asked": "Toy Story"}},
            'kedro run --params "asked=Toy Story" --only-missing-outputs',
        ),
        ({"runtime_params": None}, "kedro run --only-missing-outputs"),
    ],
)
def test_a_stale_input_is_refused_with_the_command_that_makes_it_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, run_params: dict[str, Any], command: str
) -> None:
    with pytest.raises(InputError) as refused:
        hook(folder, monkeypatch, seed=2).check(run_params, part("measure"), catalog(folder))
    assert str(refused.value).splitlines() == [
        "An input of this run cannot be used as it lies there:",
        "  data/als.model.csv: made of other inputs (params:seed 1, now 2)",
        f"Make it again: {command}",
    ]


def test_several_stale_inputs_are_told_in_order_and_counted_past_five(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in FILES[1:]:
        (folder / "data" / f"{name}.csv").unlink()
    with pytest.raises(InputError) as refused:
        hook(folder, monkeypatch).check({}, part(*TWO_INPUTS), catalog(folder))
    assert str(refused.value).splitlines() == [
        "Inputs of this run cannot be used as they lie there:",
        "  data/als.expected_minutes.csv: is not there",
        "  data/clean.csv: is not there",
        "Make them again: kedro run --only-missing-outputs",
    ]
    monkeypatch.setattr(lineage, "MAX_SHOWN", 1)
    with pytest.raises(InputError, match=r"minutes\.csv: is not there\n  and 1 more\nMake"):
        hook(folder, monkeypatch).check({}, part(*TWO_INPUTS), catalog(folder))


def test_the_command_names_the_pipeline_and_models_that_no_default_run_makes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, small = pipeline(), part("clean", "als.expect")
    with monkeypatch.context() as patched:
        patched.setattr(
            lineage, "all_pipelines", lambda: {"__default__": small, "zoo": whole, "blend": whole}
        )
        with pytest.raises(
            InputError, match=r": kedro run --pipelines zoo --namespaces als --only"
        ):
            hook(folder, monkeypatch, seed=2).check({}, part("measure"), catalog(folder))
    registered = {"__default__": small, "small": small, "tuning": whole}
    monkeypatch.setattr(lineage, "all_pipelines", lambda: registered)
    with pytest.raises(InputError, match=r"again: kedro run --pipelines tuning --only-missing"):
        hook(folder, monkeypatch, seed=2).check({}, part("measure"), catalog(folder))


def test_stale_outputs_are_made_again_and_no_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = catalog(folder)
    hook(folder, monkeypatch, seed=2).check({"only_missing_outputs": True}, pipeline(), given)
    redone = {name for name in FILES if isinstance(given.get(name), Redone)}
    assert redone == {"als.model", "metrics"}
    given = catalog(folder)
    hook(folder, monkeypatch, seed=2).check({"only_missing_outputs": False}, pipeline(), given)
    assert not any(isinstance(given.get(name), Redone) for name in FILES)


def test_a_failed_model_is_tried_again_with_all_that_follows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "als.model", failed=True)
    given = catalog(folder)
    hook(folder, monkeypatch).check({"only_missing_outputs": True}, pipeline(), given)
    redone = {name for name in FILES if isinstance(given.get(name), Redone)}
    assert redone == {"als.model", "metrics"}


def test_a_dataset_to_be_made_again_is_missing_but_read_and_written_as_ever(
    folder: Path,
) -> None:
    dataset = CsvTable(filepath=str(folder / "data/clean.csv"))
    redone = Redone(dataset)
    assert not redone.exists()
    assert redone.files == dataset.files
    frame = redone.load()
    redone.save(frame.assign(more=1))
    assert dataset.load().columns.tolist() == ["clean", "more"]
    assert redone._describe() == dataset._describe()


@pytest.mark.parametrize(
    ("data", "failed", "left_out"),
    [
        ("a model", False, False),
        ({"rmse": 1.0}, False, False),
        ({"failure": None}, False, False),
        (Failure("broken"), True, False),
        (Failure("slow", skipped=True), False, True),
        ({"failure": "broken"}, True, False),
        ({"failure": "slow", "skipped": True}, False, True),
        ([{"failure": "slow", "skipped": True}, {"failure": None}], False, True),
        ([{"failure": "slow", "skipped": True}, {"failure": "broken"}], True, False),
        ([], False, False),
    ],
)
def test_what_is_saved_is_recorded_with_whether_it_tells_of_a_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, data: Any, failed: bool, left_out: bool
) -> None:
    made = hook(folder, monkeypatch, seed=3)
    made.check({}, pipeline(), catalog(folder))
    made.after_dataset_saved("als.model", data)
    path = folder / "data/als.model.csv"
    record = Record.load(place_of("als.model", [path]))
    assert record is not None
    assert record.origin == graph(folder, seed=3).origins("als.model")[0]
    assert record.changed_files([path]) == []
    assert list(record.files) == ["als.model.csv"]
    assert record.failed == failed
    assert record.left_out == ({"max_minutes": 10} if left_out else None)


def test_nothing_is_recorded_of_what_no_node_makes_or_only_memory_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = hook(folder, monkeypatch)
    made.check({}, pipeline(), catalog(folder))
    before = set(folder.rglob("*"))
    made.after_dataset_saved("raw", "rows")
    made.after_dataset_saved("data", "rows")
    (folder / "data/clean.csv").unlink()
    assert set(folder.rglob("*")) == before - {folder / "data/clean.csv"}
    made.after_dataset_saved("clean", "rows")
    record = Record.load(place_of("clean", [folder / "data/clean.csv"]))
    assert record is not None
    assert record.files == {}


# -- the trained models that a run looks at


def shelf(folder: Path, inside: str = ".") -> tuple[DataCatalog, TrainedModels]:
    """Models als, which a node makes, and odd, which none does."""
    for name in ("als", "odd"):
        (folder / "models" / name / inside).mkdir(parents=True, exist_ok=True)
        (folder / "models" / name / inside / "model.json").write_text("{}")
    models = TrainedModels(filepath=str(folder / "models"), inside=inside)
    given = catalog(folder)
    given["trained_models"] = models
    return given, models


def looking() -> Pipeline:
    return Pipeline([node(lambda models: models, "trained_models", "seen", name="look")])


def test_stale_models_and_those_that_no_node_makes_are_not_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, models = shelf(folder)
    hook(folder, monkeypatch).check({}, looking(), given)
    assert models.stale == {"odd"}
    given, models = shelf(folder)
    hook(folder, monkeypatch, seed=2).check({}, looking(), given)
    assert models.stale == {"als", "odd"}


def test_the_model_that_is_asked_for_has_to_be_fresh(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, models = shelf(folder)
    hook(folder, monkeypatch, model="als").check({}, looking(), given)
    assert models.stale == {"odd"}
    with pytest.raises(InputError, match=r"als\.model\.csv: made of other inputs"):
        hook(folder, monkeypatch, model="als", seed=2).check({}, looking(), given)
    given, models = shelf(folder)
    hook(folder, monkeypatch, model="unheard", seed=2).check({}, looking(), given)
    assert models.stale == {"als", "odd"}


def test_models_fitted_on_train_alone_are_other_datasets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, models = shelf(folder, "fitted_on_train")
    hook(folder, monkeypatch).check({}, looking(), given)
    assert models.stale == {"als", "odd"}, "there is a node of als.model, none of als.fitted"
