"""The pipeline of newcomers on a small project: files, runs in MLflow, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError
from scipy import sparse

from fivestar.analysis.elicitation.ranking import STRATEGIES
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.models.baselines.bias import Bias
from fivestar.models.baselines.item_mean import ItemMean
from fivestar.pipelines.newcomers import create_pipeline
from fivestar.pipelines.newcomers.asking import fit_factor_model, hold_out_people, rank_items
from fivestar.pipelines.newcomers.fitting import Data, blocks_of
from fivestar.pipelines.newcomers.items import measure_new_items
from fivestar.pipelines.newcomers.listing import write_questionnaire
from fivestar.pipelines.newcomers.measuring import measure_models
from fivestar.pipelines.newcomers.settings import NewcomersSettings
from fivestar.ratings import Features, Scale, csr_matrix, observed

from ..project import ROOT, make_project, mlflow_runs, run

SMALL: dict[str, Any] = {"min_ratings": 8, "n_answers": 4, "n_questions": 6}
MODELS: dict[str, Any] = {
    "bias": {"family": "bias"},
    "als": {"family": "als", "n_factors": 2, "n_steps": 3},
    "bayesian_mf": {"family": "bayesian_mf"},
}
SHORT = {"n_factors": 2, "n_burn_in": 5, "n_steps": 10, "n_kept": 10}
PLAIN = NewcomersSettings(
    **SMALL, models=["bias", "als"], factor_model="als", blocks={}, new_item_models=["bias"]
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("newcomers"))
    run(project, pipeline_names=["ingestion", "splitting"])
    features = {"family": "bayesian_mf", "who_rated_what": False, **SHORT}
    settings = {
        **SMALL,
        "models": ["bias", "als", "item_mean"],
        "factor_model": "als",
        "blocks": {"features": features},
        "new_item_models": ["bias", "features"],
        "new_item_share": 0.2,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ItemMean, "_fit", no_fit)
        run(project, params={"newcomers": settings}, pipeline_names=["newcomers"])
    return project


def no_fit(*_: Any) -> NoReturn:
    raise ArithmeticError("made to fail")


def test_errors_are_of_the_same_people_and_targets_after_each_answer(project: Path) -> None:
    errors = pd.read_csv(project / "data/08_reporting/newcomers/errors.csv")
    assert errors.columns.tolist() == [
        *("model", "strategy", "answers", "rmse", "n_people", "n_targets"),
        *("mean_questions", "median_questions"),
    ]
    for _, curve in errors.groupby(["model", "strategy"]):
        assert curve["answers"].tolist() == [0, 1, 2, 3, 4]
        assert (curve["mean_questions"].diff().iloc[1:] >= 1).all()
    assert errors["n_people"].nunique() == errors["n_targets"].nunique() == 1
    curves = set(zip(errors["model"], errors["strategy"], strict=True))
    assert curves == {("bias", "greedy_extend"), *(("als", name) for name in STRATEGIES)}
    before = errors.loc[(errors["model"] == "als") & (errors["answers"] == 0), "rmse"]
    assert np.ptp(before) == 0  # nothing is asked, so every strategy is the same
    assert not errors.duplicated(["model", "strategy", "answers"]).any()


def test_more_questions_bring_more_answers(project: Path) -> None:
    questions = pd.read_csv(project / "data/08_reporting/newcomers/questions.csv")
    assert set(questions["strategy"]) == set(STRATEGIES)
    for _, curve in questions.groupby("strategy"):
        assert curve["mean_answers"].is_monotonic_increasing
        assert curve["mean_answers"].iloc[0] == 0
    # 40 items: after 40 questions every strategy has asked for all.
    assert np.ptp(questions.loc[questions["questions"] >= 40, "rmse"]) < 1e-5


def test_the_questionnaire_can_be_filled_in(project: Path) -> None:
    path = project / "data/07_model_output/questionnaire.csv"
    asked = pd.read_csv(path, dtype={"item": "str"})
    assert asked.columns.tolist() == [
        *("rank", "item", "title", "year", "rating", "n_ratings", "share", "spread", "gain"),
    ]
    assert asked["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert asked["rating"].isna().all()
    parts = [
        pd.read_parquet(project / f"data/05_model_input/{part}.parquet")
        for part in ("train", "validation")
    ]
    ratings = pd.concat(parts).groupby("item")["rating"]
    assert asked["n_ratings"].tolist() == ratings.size()[asked["item"]].tolist()
    np.testing.assert_allclose(asked["spread"], ratings.std(ddof=0)[asked["item"]], atol=6e-4)
    items = pd.read_parquet(project / "data/03_primary/items.parquet").set_index("item")
    assert asked["title"].tolist() == items.loc[asked["item"], "title"].tolist()
    assert asked["year"].tolist() == items.loc[asked["item"], "year"].tolist()


def test_charts_hold_the_curves(project: Path) -> None:
    drawn = {}
    for name in ("errors", "questions"):
        text = (project / f"data/08_reporting/newcomers/{name}.json").read_text()
        (drawn[name],) = json.loads(text)["datasets"].values()
    assert {row["model"] for row in drawn["errors"]} == {"bias", "als"}
    assert {row["strategy"] for row in drawn["errors"]} == {"greedy_extend"}
    assert {row["strategy"] for row in drawn["questions"]} == set(STRATEGIES)


def test_every_model_is_a_run_and_one_that_fails_does_not_stop_the_others(project: Path) -> None:
    runs = {r.info.run_name: r for r in mlflow_runs(project)}
    assert {name: r.info.status for name, r in runs.items()} == {
        "newcomers-bias": "FINISHED",
        "newcomers-als": "FINISHED",
        "newcomers-item_mean": "FAILED",
    }
    failure = runs["newcomers-item_mean"].data.tags["failure"]
    assert failure == "ArithmeticError: made to fail"
    tracked = runs["newcomers-als"].data
    assert tracked.tags["model"] == "newcomers"
    assert tracked.tags["predictor"] == "als"
    assert tracked.params["newcomers.min_ratings"] == "8"
    errors = pd.read_csv(project / "data/08_reporting/newcomers/errors.csv")
    curve = errors[(errors["model"] == "als") & (errors["strategy"] == "greedy_extend")]["rmse"]
    assert tracked.metrics["rmse_after_3"] == pytest.approx(curve.iloc[3], abs=1e-5)
    assert tracked.metrics["curve_rmse_by_answers"] == pytest.approx(curve.iloc[4], abs=1e-5)


def test_new_items_are_predicted_by_features_or_counted(project: Path) -> None:
    table = pd.read_csv(project / "data/08_reporting/newcomers/new_items.csv").set_index("model")
    assert table["n_items"].tolist() == [8, 8]
    assert table.loc["bias", "fallbacks"] == table.loc["bias", "n_ratings"] > 0
    assert table.loc["features", "fallbacks"] == 0
    assert np.isfinite(table["rmse"]).all()


def test_the_questionnaire_alone_measures_nothing(project: Path) -> None:
    reports = sorted((project / "data/08_reporting/newcomers").iterdir())
    before = [path.stat().st_mtime_ns for path in reports]
    settings = {**SMALL, "models": "bias; als", "strategy": "popular", "n_questions": 100}
    run(
        project,
        params={"newcomers": settings},
        pipeline_names=["newcomers"],
        tags=["questionnaire"],
    )
    asked = pd.read_csv(project / "data/07_model_output/questionnaire.csv")
    assert len(asked) == 40  # there are no more
    assert asked["n_ratings"].is_monotonic_decreasing
    assert asked["gain"].tolist() == asked["n_ratings"].tolist()
    assert [path.stat().st_mtime_ns for path in reports] == before


def test_test_ratings_are_not_even_loaded() -> None:
    inputs = create_pipeline().inputs()
    assert {"train_matrix", "validation_matrix"} <= inputs
    assert not {"test", "ratings", "trained_models"} & inputs


# -- nodes


def some_data(blocks: dict[str, Any] | None = None, n_users: int = 40) -> Data:
    random = np.random.default_rng(0)
    known = random.random((n_users, 20)) < 0.7
    taste = random.normal(size=(n_users, 1)) * random.normal(size=(1, 20))
    stars = np.clip(np.rint(3 + taste + random.normal(0, 0.4, known.shape)), 1, 5)
    users, items = np.nonzero(known)
    part = random.random(len(users)) < 0.75
    train, validation = (
        csr_matrix(users[one], items[one], stars[users, items][one], known.shape)
        for one in (part, ~part)
    )
    none = Features(sparse.csr_array((n_users, 0)), sparse.csr_array((20, 0)))
    return Data(train, validation, none, Scale(1, 5), MODELS if blocks is None else blocks)


def test_models_learn_nothing_of_the_people_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    data = some_data()
    people = hold_out_people(data, PLAIN)
    model = fit_factor_model(data, people, PLAIN)
    rankings = rank_items(model, data, people, PLAIN)
    learned: list[sparse.csr_array] = []
    fit = Model.fit

    def spy(self: Model, train: sparse.csr_array, *args: Any, **kwargs: Any) -> Any:
        learned.append(train)
        return fit(self, train, *args, **kwargs)

    monkeypatch.setattr(Model, "fit", spy)
    measure_models(data, people, rankings, PLAIN)
    assert len(learned) == 3  # bias once, als twice: it stops early
    others = data.ratings[people.others]
    assert (learned[-1] != others).nnz == 0
    assert not set(people.people) & set(people.others)
    for seen in learned:
        assert seen.shape == others.shape
        assert (abs(others - seen) * (seen > 0)).nnz == 0


def test_new_items_have_no_rating_in_training() -> None:
    data = some_data()
    rest = data.without_items(np.array([3, 5]))
    counts = np.bincount(rest.ratings.indices, minlength=20)
    assert counts[[3, 5]].tolist() == [0, 0]
    assert (np.delete(counts, [3, 5]) > 0).all()
    assert rest.ratings.nnz == (~np.isin(observed(data.ratings)[1], [3, 5])).sum()


def test_without_side_features_new_items_are_counted_fallbacks() -> None:
    settings = PLAIN.model_copy(update={"new_item_models": ["bayesian_mf"]})
    data = some_data({"bayesian_mf": {**MODELS["bayesian_mf"], **SHORT}})
    table = measure_new_items(data, settings)
    assert table["fallbacks"].tolist() == table["n_ratings"].tolist()
    assert measure_new_items(data, settings.model_copy(update={"new_item_models": []})).empty


def test_without_titles_the_id_is_the_title() -> None:
    ids = {"users": [f"u{n:02}" for n in range(40)], "items": [f"<{n:02}>" for n in range(20)]}
    items = pd.DataFrame({"item": ids["items"][::-1]})
    asked = write_questionnaire(some_data(), ids, items, PLAIN)
    assert asked["title"].tolist() == asked["item"].tolist()
    assert asked["year"].isna().all()
    some_titles = items.assign(title=[None] * 19 + ["Alien"])
    titles = write_questionnaire(some_data(), ids, some_titles, PLAIN).set_index("item")["title"]
    assert titles.to_dict() == {i: "Alien" if i == "<00>" else i for i in titles.index}


def test_too_few_people_are_told() -> None:
    with pytest.raises(InputError, match=r"39 people have 8 .* 2 would be held out.*min_ratings"):
        hold_out_people(some_data(), PLAIN.model_copy(update={"held_out_share": 0.05}))
    settings = PLAIN.model_copy(update={"min_ratings": 1000})
    with pytest.raises(InputError, match="0 people have 1000 ratings"):
        hold_out_people(some_data(), settings)


def test_holding_out_no_item_is_told() -> None:
    with pytest.raises(InputError, match="new_item_share"):
        measure_new_items(some_data(), PLAIN.model_copy(update={"new_item_share": 0.001}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ["alls"]}, r"newcomers.models: 'alls' has no block.*Did you mean 'als'"),
        ({"new_item_models": ["xyz"]}, r"newcomers.new_item_models: 'xyz'.*There are bias"),
        ({"blocks": {"new": {"n_steps": 3}}}, r"newcomers.blocks: 'new' has no block"),
        ({"blocks": {"als": {"n_step": 3}}}, r"models.als: unknown setting 'n_step'"),
    ],
)
def test_models_that_cannot_be_measured_are_told_first(
    change: dict[str, Any], message: str
) -> None:
    settings = NewcomersSettings(**{**PLAIN.model_dump(), **change})
    with pytest.raises(InputError, match=message):
        blocks_of(MODELS, settings)


def test_models_that_need_training_for_new_people_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Bias, "can_fold_in", False)
    with pytest.raises(InputError, match=r"newcomers.models: bias cannot take in new people"):
        blocks_of(MODELS, PLAIN)
    assert blocks_of(MODELS, PLAIN.model_copy(update={"models": ["als"]}))  # as reference it may


def test_a_factor_model_without_plain_factors_is_told() -> None:
    settings = PLAIN.model_copy(update={"factor_model": "bias"})
    data = some_data()
    people = hold_out_people(data, settings)
    with pytest.raises(InputError, match=r"newcomers.factor_model: bias is no plain"):
        rank_items(fit_factor_model(data, people, settings), data, people, settings)


def test_if_every_model_fails_that_is_told() -> None:
    data = some_data()
    people = hold_out_people(data, PLAIN)
    rankings = rank_items(fit_factor_model(data, people, PLAIN), data, people, PLAIN)
    broken = replace(data, blocks={"bias": {"family": "no such"}, "als": {"family": "no such"}})
    with pytest.raises(InputError, match="every model failed"):
        measure_models(broken, people, rankings, PLAIN)


def test_answers_need_people_with_twice_as_many_ratings() -> None:
    with pytest.raises(ValidationError, match="20 ratings, half of which are predicted"):
        NewcomersSettings(n_answers=10, min_ratings=19)


def test_settings_are_those_of_the_configuration() -> None:
    text = (ROOT / "conf/base/parameters_newcomers.yml").read_text()
    settings: dict[str, Any] = yaml.safe_load(text)["newcomers"]
    assert NewcomersSettings(**settings) == NewcomersSettings()
    assert set(settings) == set(NewcomersSettings.model_fields)
