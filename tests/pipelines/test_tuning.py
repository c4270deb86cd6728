"""The pipeline `tuning`: studies that go on where they were, spaces that are checked, the block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from optuna.distributions import IntDistribution
from optuna.trial import TrialState

from fivestar.errors import InputError
from fivestar.models import Model, build
from fivestar.pipelines.tuning import best, create_pipeline, nodes, study
from fivestar.pipelines.tuning.gain import gain
from fivestar.pipelines.tuning.inner_splits import inner_splits, predict_held_out
from fivestar.pipelines.tuning.settings import TuningSettings
from fivestar.pipelines.tuning.space import search_space
from fivestar.pipelines.tuning.workers import side_by_side
from fivestar.ratings import TrainingData, observed

from ..project import ROOT, make_project, mlflow_runs, run
from .test_ablation import some_data

PARAMETERS = yaml.safe_load((ROOT / "conf/base/parameters_tuning.yml").read_text())["tuning"]
SPACES = PARAMETERS["spaces"]
MODELS = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text())["models"]
SPACE = {
    "bias": {
        "user_regularization": {"low": 0.5, "high": 50, "log": True},
        "item_regularization": {"low": 0.5, "high": 50, "log": True},
    }
}
BIAS = {"family": "bias", "user_regularization": 400.0}
"""Far too strong for the planted data: any trial is better."""


def settings(**changed: Any) -> TuningSettings:
    given = {"n_trials": 4, "workers": 1, "model": "bias", "spaces": SPACE, "prune": False}
    return TuningSettings(**PARAMETERS | given | changed)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return some_data()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[str]:
    yield f"sqlite:///{tmp_path}/optuna.db"
    study._storage.cache_clear()


def only_study(storage: str) -> optuna.Study:
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage)


def of_trials(runs: nodes.Runs) -> list[tuple[Any, ...]]:
    """What must not depend on interruptions."""
    return [(each["parameters"], each["metrics"]["inner_rmse"]) for each in runs]


# -- the whole pipeline


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("tuning"))
    tune_in(project, 3)
    return project


def tune_in(project: Path, n_trials: int, **options: Any) -> None:
    changed = {
        "model": "bias",
        "n_trials": n_trials,
        "workers": 1,
        "spaces": {"bias": {"user_regularization": {"low": 1, "high": 30}}},
    }
    params = {"tuning": changed, "models": {"bias": {"user_regularization": 400.0}}}
    run(project, params=params, pipeline_names=["tuning"], **options)


def test_every_trial_is_a_row_and_a_run_and_more_trials_go_on(project: Path) -> None:
    folder = project / "data/08_reporting/demo/tuning/bias"
    before = pd.read_csv(folder / "trials.csv")
    assert before.columns.tolist()[:4] == ["number", "value", "state", "seconds"]
    assert before["user_regularization"].iloc[0] == 400
    tune_in(project, 5)
    after = pd.read_csv(folder / "trials.csv")
    pd.testing.assert_frame_equal(after.iloc[:3], before)
    tracked = mlflow_runs(project)
    assert len(after) == len(tracked) == 5
    assert {each.data.tags["trial"] for each in tracked} == {str(n) for n in after["number"]}
    assert {each.data.tags["model"] for each in tracked} == {"bias"}
    assert len({each.data.tags["study"] for each in tracked}) == 1
    for each in tracked:
        value = after.set_index("number")["value"][int(each.data.tags["trial"])]
        assert each.data.metrics["inner_rmse"] == pytest.approx(value)
    charts = {path.name for path in folder.glob("*.json")}
    assert charts == {"history.json", "importance.json", "runs.json"}


def test_what_is_fresh_is_not_made_again(project: Path) -> None:
    folder = project / "data/08_reporting/demo/tuning/bias"
    tune_in(project, 5)
    before = (folder / "best.yml").stat().st_mtime_ns
    tune_in(project, 5, only_missing_outputs=True)
    assert (folder / "best.yml").stat().st_mtime_ns == before


def test_the_block_can_be_pasted_below_models(project: Path) -> None:
    text = (project / "data/08_reporting/demo/tuning/bias/best.yml").read_text()
    pasted = yaml.safe_load("models:\n" + text)["models"]
    assert list(pasted) == ["bias"]
    assert build(pasted["bias"]).settings["user_regularization"] < 400
    assert "# gain on validation, which the tuning has not seen" in text


def test_the_test_split_is_not_read() -> None:
    assert "test" not in create_pipeline("als", "als").all_inputs()


def test_a_model_without_a_block_is_refused(project: Path) -> None:
    with pytest.raises(InputError, match=r"tuning\.model names als_, which has no block"):
        run(project, params={"tuning": {"model": "als_"}}, pipeline_names=["tuning"])


# -- what trials are measured on


def test_inner_folds_are_disjoint_parts_of_train_and_cover_it(data: TrainingData) -> None:
    splits = inner_splits(data, settings())
    whole = data.train.toarray()
    np.testing.assert_array_equal(sum(split.held_out.toarray() for split in splits), whole)
    for split in splits:
        parts = [split.data.train, split.data.validation, split.held_out]
        assert all(part.nnz for part in parts)
        np.testing.assert_array_equal(sum(part.toarray() for part in parts), whole)


@pytest.mark.parametrize("family", ["als", "bias"])
def test_only_a_model_that_stops_early_is_given_a_part_to_stop_by(
    data: TrainingData, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = inner_splits(data, settings())[0]
    given = []
    fit = Model.fit

    def watched(self: Model, train: Any, validation: Any = None, **named: Any) -> Any:
        given.append((train.nnz, validation))
        return fit(self, train, validation, **named)

    monkeypatch.setattr(Model, "fit", watched)
    predict_held_out({"family": family}, split, label=family)
    if family == "als":
        assert given == [(split.data.train.nnz, split.data.validation)]
    else:
        assert given == [(split.data.ratings.nnz, split.held_out)]


def test_the_validation_split_can_be_the_objective(data: TrainingData, storage: str) -> None:
    runs, *_ = nodes.tune(data, BIAS, settings(objective="validation"), storage, model="bias")
    model = build({**BIAS, "bias_fallback": False})
    model.fit(data.train, scale=data.scale)
    users, items, ratings = observed(data.validation)
    error = np.sqrt(np.mean((model.predict(users, items) - ratings) ** 2))
    assert runs[0]["metrics"]["inner_rmse"] == pytest.approx(error, abs=1e-6)


# -- studies


def test_the_first_trial_is_of_the_present_settings_and_others_find_better_ones(
    data: TrainingData, storage: str
) -> None:
    runs, *_ = nodes.tune(data, BIAS, settings(), storage, model="bias")
    assert runs[0]["parameters"] == BIAS
    assert runs[0]["tags"]["settings"] == nodes.PRESENT
    assert best.best_of(runs)["metrics"]["inner_rmse"] < runs[0]["metrics"]["inner_rmse"]
    gains = best.measure_gain(data, BIAS, settings(), runs)
    assert gains["inner"].fall > 0
    text = best.write_block(data, settings(), runs, gains)
    assert "4 trials, 0 pruned, 0 failed" in text


def test_a_study_that_was_killed_goes_on_as_if_it_had_not(
    data: TrainingData, storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, *_ = nodes.tune(data, BIAS, settings(), storage, model="bias")
    other = f"sqlite:///{tmp_path}/killed.db"
    n_fits = 0

    def killed(*given: Any, **named: Any) -> Any:
        nonlocal n_fits
        n_fits += 1
        if n_fits == 8:  # the third trial's second fold
            raise KeyboardInterrupt
        return predict_held_out(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(study, "predict_held_out", killed)
        with pytest.raises(KeyboardInterrupt):
            nodes.tune(data, BIAS, settings(), other, model="bias")
    states = [trial.state for trial in only_study(other).trials]
    assert states == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.RUNNING]

    resumed, *_ = nodes.tune(data, BIAS, settings(), other, model="bias")
    assert of_trials(resumed) == of_trials(whole)
    assert len(only_study(other).trials) == 5
    again, *_ = nodes.tune(data, BIAS, settings(), other, model="bias")
    assert of_trials(again) == of_trials(whole)
    assert len(only_study(other).trials) == 5


def test_other_data_another_space_or_objective_is_another_study(
    data: TrainingData, storage: str
) -> None:
    one = settings(n_trials=1)
    nodes.tune(data, BIAS, one, storage, model="bias")
    nodes.tune(data, BIAS, settings(n_trials=1, prune=True), storage, model="bias")
    assert len(optuna.get_all_study_names(storage)) == 1
    wider = {"bias": {"user_regularization": {"low": 0.1, "high": 50, "log": True}}}
    nodes.tune(data, BIAS, settings(n_trials=1, spaces=wider), storage, model="bias")
    nodes.tune(data, BIAS, settings(n_trials=1, inner_folds=2), storage, model="bias")
    nodes.tune(data, {"family": "bias"}, one, storage, model="bias")
    nodes.tune(data.without_items(np.array([0])), BIAS, one, storage, model="bias")
    assert len(optuna.get_all_study_names(storage)) == 5


def test_settings_that_fail_are_told_and_the_study_goes_on(
    data: TrainingData, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_once(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(study, "predict_held_out", predict_held_out)
        raise FloatingPointError("not finite")

    monkeypatch.setattr(study, "predict_held_out", fail_once)
    runs, trials, _ = nodes.tune(data, BIAS, settings(n_trials=3), storage, model="bias")
    assert trials["state"].tolist() == ["failed", "complete", "complete"]
    assert runs[0]["failure"] == "FloatingPointError: not finite"
    text = best.write_block(data, settings(), runs, {})
    assert "the present settings failed" in text


def test_no_trial_begins_once_time_is_up(data: TrainingData, storage: str) -> None:
    with pytest.raises(InputError, match="no trial of 0 is complete"):
        nodes.tune(data, BIAS, settings(max_minutes=1e-9), storage, model="bias")


def test_workers_side_by_side_share_a_study(data: TrainingData, storage: str) -> None:
    _, trials, _ = nodes.tune(data, BIAS, settings(workers=2), storage, model="bias")
    assert trials["number"].tolist() == [0, 1, 2, 3]
    assert trials["state"].eq("complete").all()
    assert trials["user_regularization"].nunique() == 4


def _add(shared: int, argument: int) -> int:
    return shared + argument


def test_one_worker_needs_no_process() -> None:
    assert list(side_by_side(_add, 1, [1, 2], 1)) == [2, 3]


def test_a_trial_that_is_worse_than_most_is_pruned_at_a_checkpoint(
    data: TrainingData, storage: str
) -> None:
    als = {"family": "als", "n_factors": 2, "n_steps": 4}
    space = {"als": {"regularization": {"low": 1e-3, "high": 1e3, "log": True}}}
    given = settings(spaces=space, n_trials=16, prune=True)
    runs, trials, _ = nodes.tune(data, als, given, storage, model="als")
    assert trials["state"].eq("pruned").any()
    assert runs[0]["tags"]["state"] == "complete"
    pruned = next(each for each in runs if each["tags"]["state"] == "pruned")
    assert "inner_rmse" not in pruned["metrics"]
    assert pruned["failure"] is None


# -- search spaces


TUNABLE = [name for name, block in MODELS.items() if {name, block["family"]} & {*SPACES}]


@pytest.mark.parametrize("model", TUNABLE)
def test_the_space_of_a_model_holds_its_present_settings(model: str) -> None:
    space = search_space(SPACES, model, MODELS[model])
    for name, distribution in space.distributions.items():
        assert distribution._contains(distribution.to_internal_repr(space.present[name]))
    built = build(space.with_values(space.present))
    assert built.settings == build(MODELS[model]).settings


@pytest.mark.parametrize(
    ("setting", "given", "told"),
    [
        ("n_factor", {"low": 1, "high": 9}, "unknown setting 'n_factor'.*Did you mean 'n_factors'"),
        ("n_factors", {"low": 9, "high": 1}, "n_factors: low 9 and high 1 are no range"),
        ("n_factors", {"low": 0, "high": 9}, "n_factors is 0"),
        ("n_factors", {"low": 0.5, "high": 9}, "n_factors is 0.5"),
        ("regularization", {"low": 0, "high": 9, "log": True}, "a logarithmic range is above 0"),
        ("regularization", {"low": 0}, r"regularization is \{'low': 0\}: write \{low: 1, high"),
        ("regularization", [], r"regularization is \[\]: write"),
        ("stopping.patiense", [1, 2], "patiense"),
        ("count_exponent", [0, 2], "count_exponent is 2"),
    ],
)
def test_a_wrong_space_is_told_with_file_model_and_setting(
    setting: str, given: Any, told: str
) -> None:
    where = r"parameters_tuning\.yml, tuning\.spaces\.als: "
    with pytest.raises(InputError, match=where + f".*{told}"):
        search_space({"als": {setting: given}}, "als", {"family": "als"})


def test_a_model_without_a_space_is_told_how_to_write_one() -> None:
    with pytest.raises(InputError, match=r"no search space of item_mean\. Add one there"):
        search_space(SPACES, "item_mean", MODELS["item_mean"])


def test_a_nested_setting_leaves_the_rest_of_its_group_as_it_is() -> None:
    block = {"family": "als", "stopping": {"patience": 4, "min_improvement": 0.5}}
    space = search_space({"als": {"stopping.patience": {"low": 1, "high": 9}}}, "als", block)
    assert isinstance(space.distributions["stopping.patience"], IntDistribution)
    changed = space.with_values({"stopping.patience": 2})
    assert changed["stopping"] == {"patience": 2, "min_improvement": 0.5}


def test_a_list_among_the_values_stays_a_list() -> None:
    spaces = {"autoencoder": {"hidden": [[3], [3, 3]]}}
    space = search_space(spaces, "autoencoder_deep", {"family": "autoencoder", "hidden": [5, 5]})
    assert space.present == {"hidden": "[5, 5]"}
    assert space.with_values({"hidden": "[3, 3]"})["hidden"] == [3, 3]


# -- gain


def test_equal_models_gain_nothing_and_a_real_gain_is_significant() -> None:
    random = np.random.default_rng(0)
    users = np.repeat(np.arange(200), 50)
    errors = random.normal(size=users.size)
    same = gain(users, errors + random.normal(0, 0.1, users.size), errors)
    assert same.low < same.fall < same.high
    better = gain(users, errors, 0.95 * errors)
    assert better.significant
    assert better.fall == pytest.approx(0.05 * np.sqrt(np.mean(errors**2)))


def test_only_what_differs_from_the_defaults_is_in_the_block() -> None:
    block = {"family": "als", "n_factors": 60, "regularization": 2.5}
    assert best.difference_from_defaults(block) == {"family": "als", "regularization": 2.5}
