"""Cold-start users and items on a small project: files, runs in MLflow, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError
from scipy import sparse

from fivestar.analysis.elicitation.interviews import HeldOut
from fivestar.analysis.elicitation.ranking import STRATEGIES
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.models.baselines.bias import Bias
from fivestar.models.baselines.item_mean import ItemMean
from fivestar.pipelines.cold_start import create_pipeline
from fivestar.pipelines.cold_start.items import measure_new_items
from fivestar.pipelines.cold_start.models import choose_models, fit_factor_model
from fivestar.pipelines.cold_start.questionnaire import write_questionnaire
from fivestar.pipelines.cold_start.settings import ColdStartSettings
from fivestar.pipelines.cold_start.users import (
    Interviews,
    ask_users,
    compare_strategies,
    hold_out_users,
    measure_models,
)
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, csr_matrix, item_table

from ..project import ROOT, make_project, mlflow_runs, run

PARAMETERS = yaml.safe_load((ROOT / "conf/base/parameters_cold_start.yml").read_text())
SMALL: dict[str, Any] = {"min_ratings": 8, "n_answers": 4, "n_questions": 6}
MODELS: dict[str, Any] = {
    "bias": {"family": "bias"},
    "als": {"family": "als", "n_factors": 2, "n_steps": 3},
    "bayesian_mf": {"family": "bayesian_mf"},
}
SHORT = {"n_factors": 2, "n_burn_in": 5, "n_steps": 10, "n_kept": 10}


def settings_with(**changes: Any) -> ColdStartSettings:
    plain = {"models": ["bias", "als"], "factor_model": "als", "new_item_models": ["bias"]}
    return ColdStartSettings(
        **{**PARAMETERS["cold_start"], **SMALL, **plain, "blocks": {}, **changes}
    )


PLAIN = settings_with()
REPORTS, OUTPUT = "data/08_reporting/demo/cold_start", "data/07_model_output/demo"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("cold_start"))
    features = {"family": "bayesian_mf", "implicit_feedback": False, **SHORT}
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
        names = ["ingestion", "splitting", "cold_start"]
        run(project, params={"cold_start": settings}, pipeline_names=names)
    return project


def no_fit(*_: Any) -> NoReturn:
    raise ArithmeticError("made to fail")


def test_errors_are_of_the_same_users_and_targets_after_each_answer(project: Path) -> None:
    errors = pd.read_csv(project / REPORTS / "errors.csv")
    assert errors.columns.tolist() == [
        *("model", "strategy", "answers", "rmse", "n_users", "n_targets"),
        *("mean_questions", "median_questions"),
    ]
    for _, curve in errors.groupby(["model", "strategy"]):
        assert curve["answers"].tolist() == [0, 1, 2, 3, 4]
        assert (curve["mean_questions"].diff().iloc[1:] >= 1).all()
    assert errors["n_users"].nunique() == errors["n_targets"].nunique() == 1
    curves = set(zip(errors["model"], errors["strategy"], strict=True))
    assert curves == {("bias", "greedy_extend"), *(("als", name) for name in STRATEGIES)}
    before = errors.loc[(errors["model"] == "als") & (errors["answers"] == 0), "rmse"]
    assert np.ptp(before) == 0  # nothing is asked, so every strategy is the same
    assert not errors.duplicated(["model", "strategy", "answers"]).any()


def test_more_questions_bring_more_answers(project: Path) -> None:
    questions = pd.read_csv(project / REPORTS / "questions.csv")
    assert set(questions["strategy"]) == set(STRATEGIES)
    for _, curve in questions.groupby("strategy"):
        assert curve["mean_answers"].is_monotonic_increasing
        assert curve["mean_answers"].iloc[0] == 0
    # 40 items: after 40 questions every strategy has asked for all.
    assert np.ptp(questions.loc[questions["questions"] >= 40, "rmse"]) < 1e-5


def test_the_questionnaire_can_be_filled_in(project: Path) -> None:
    path = project / OUTPUT / "questionnaire.csv"
    asked = pd.read_csv(path, dtype={"item": "str"})
    assert asked.columns.tolist() == [
        *("rank", "item", "title", "year", "rating", "n_ratings", "share"),
        *("standard_deviation", "gain"),
    ]
    assert asked["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert asked["rating"].isna().all()
    splits = [
        pd.read_parquet(project / f"data/05_model_input/demo/{split}.parquet")
        for split in ("train", "validation")
    ]
    ratings = pd.concat(splits).groupby("item")["rating"]
    assert asked["n_ratings"].tolist() == ratings.size()[asked["item"]].tolist()
    deviations = ratings.std(ddof=0)[asked["item"]]
    np.testing.assert_allclose(asked["standard_deviation"], deviations, atol=6e-4)
    items = pd.read_parquet(project / "data/03_primary/demo/items.parquet").set_index("item")
    assert asked["title"].tolist() == items.loc[asked["item"], "title"].tolist()
    assert asked["year"].tolist() == items.loc[asked["item"], "year"].tolist()


def test_charts_hold_the_curves(project: Path) -> None:
    drawn = {}
    for name in ("errors", "questions"):
        text = (project / REPORTS / f"{name}.json").read_text()
        (drawn[name],) = json.loads(text)["datasets"].values()
    assert {row["model"] for row in drawn["errors"]} == {"bias", "als"}
    assert {row["strategy"] for row in drawn["errors"]} == {"greedy_extend"}
    assert {row["strategy"] for row in drawn["questions"]} == set(STRATEGIES)


def test_every_model_is_a_run_and_one_that_fails_does_not_stop_the_others(project: Path) -> None:
    runs = {r.info.run_name: r for r in mlflow_runs(project)}
    assert {name: r.info.status for name, r in runs.items()} == {
        "cold_start-bias": "FINISHED",
        "cold_start-als": "FINISHED",
        "cold_start-item_mean": "FAILED",
    }
    failure = runs["cold_start-item_mean"].data.tags["failure"]
    assert failure == "ArithmeticError: made to fail"
    tracked = runs["cold_start-als"].data
    assert tracked.tags["model"] == "cold_start"
    assert tracked.tags["predictor"] == "als"
    assert tracked.params["cold_start.min_ratings"] == "8"
    errors = pd.read_csv(project / REPORTS / "errors.csv")
    curve = errors[(errors["model"] == "als") & (errors["strategy"] == "greedy_extend")]["rmse"]
    assert tracked.metrics["rmse_after_3"] == pytest.approx(curve.iloc[3], abs=1e-5)
    assert tracked.metrics["curve_rmse_by_answers"] == pytest.approx(curve.iloc[4], abs=1e-5)


def test_new_items_are_predicted_by_features_or_counted(project: Path) -> None:
    table = pd.read_csv(project / REPORTS / "new_items.csv").set_index("model")
    assert table["n_items"].tolist() == [8, 8]
    assert table.loc["bias", "fallbacks"] == table.loc["bias", "n_ratings"] > 0
    assert table.loc["features", "fallbacks"] == 0
    assert np.isfinite(table["rmse"]).all()


def test_the_questionnaire_alone_measures_nothing() -> None:
    alone = create_pipeline().only_nodes_with_tags("questionnaire")
    assert [node.func for node in alone.nodes] == [choose_models, write_questionnaire]


def test_test_ratings_are_not_even_loaded() -> None:
    inputs = create_pipeline().inputs()
    assert {name for name in inputs if ":" not in name} == {"training_data", "item_table"}


# -- nodes


def some_data(n_users: int = 40) -> TrainingData:
    random = np.random.default_rng(0)
    known = random.random((n_users, 20)) < 0.7
    taste = random.normal(size=(n_users, 1)) * random.normal(size=(1, 20))
    ratings = np.clip(np.rint(3 + taste + random.normal(0, 0.4, known.shape)), 1, 5)
    users, items = np.nonzero(known)
    in_train = random.random(len(users)) < 0.75
    train, validation = (
        csr_matrix(users[one], items[one], ratings[users, items][one], known.shape)
        for one in (in_train, ~in_train)
    )
    ids = [f"u{n:02}" for n in range(n_users)], [f"<{n:02}>" for n in range(20)]
    vocabulary = Vocabulary(*(pd.Index(each, dtype="str") for each in ids))
    none = Features(sparse.csr_array((n_users, 0)), sparse.csr_array((20, 0)))
    return TrainingData(train, validation, vocabulary, none, Scale(1, 5))


def some_interviews() -> tuple[HeldOut, TrainingData, Model, Interviews]:
    held_out, others = hold_out_users(some_data(), PLAIN)
    model, prior = fit_factor_model(others, MODELS, PLAIN)
    return held_out, others, model, ask_users(held_out, others, prior, PLAIN)


def test_models_learn_nothing_of_the_users_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    held_out, others, model, interviews = some_interviews()
    errors, _ = compare_strategies(model, interviews, PLAIN)
    learned: list[sparse.csr_array] = []
    fit = Model.fit

    def spy(self: Model, train: sparse.csr_array, *args: Any, **kwargs: Any) -> Any:
        learned.append(train)
        return fit(self, train, *args, **kwargs)

    monkeypatch.setattr(Model, "fit", spy)
    measure_models(others, interviews, errors, MODELS, PLAIN)
    known = some_data().ratings[held_out.others]
    assert (learned[-1] != known).nnz == 0
    assert not set(held_out.users) & set(held_out.others)
    for seen in learned:
        assert seen.shape == known.shape
        assert (abs(known - seen) * (seen > 0)).nnz == 0


def test_new_items_have_no_rating_in_training() -> None:
    data = some_data()
    rest = data.without_items(np.array([3, 5]))
    assert rest.n_ratings[[3, 5]].tolist() == [0, 0]
    pd.testing.assert_series_equal(rest.n_ratings.drop([3, 5]), data.n_ratings.drop([3, 5]))
    assert rest.fingerprint != data.fingerprint


def test_data_of_some_users_keeps_their_ids_and_ratings() -> None:
    data, users = some_data(), np.array([2, 7])
    some = data.of_users(users)
    assert some.vocabulary.users.tolist() == ["u02", "u07"]
    assert some.vocabulary.items.equals(data.vocabulary.items)
    assert some.features.users.shape == (2, 0)
    np.testing.assert_array_equal(some.ratings.toarray(), data.ratings[users].toarray())


def test_without_side_features_new_items_are_counted_fallbacks() -> None:
    settings = settings_with(new_item_models=["bayesian_mf"])
    blocks = {"bayesian_mf": {**MODELS["bayesian_mf"], **SHORT}}
    table = measure_new_items(some_data(), blocks, settings)
    assert table["fallbacks"].tolist() == table["n_ratings"].tolist()
    assert measure_new_items(some_data(), blocks, settings_with(new_item_models=[])).empty


def test_a_popular_questionnaire_goes_by_the_number_of_ratings() -> None:
    data = some_data()
    items = item_table(pd.DataFrame({"item": data.vocabulary.items}), data)
    asked = write_questionnaire(
        data, items, MODELS, settings_with(strategy="popular", n_questions=100)
    )
    assert len(asked) == 20  # there are no more
    assert asked["n_ratings"].is_monotonic_decreasing
    assert asked["gain"].tolist() == asked["n_ratings"].tolist()


def test_without_titles_the_id_is_the_title() -> None:
    data = some_data()
    items = pd.DataFrame({"item": data.vocabulary.items[::-1]})
    asked = write_questionnaire(data, item_table(items, data), MODELS, PLAIN)
    assert asked["title"].tolist() == asked["item"].tolist()
    assert asked["year"].isna().all()
    some_titles = item_table(items.assign(title=[None] * 19 + ["Alien"]), data)
    asked = write_questionnaire(data, some_titles, MODELS, PLAIN)
    expected = asked["item"].where(asked["item"] != "<00>", "Alien")
    assert asked["title"].tolist() == expected.tolist()


def test_too_few_users_are_told() -> None:
    with pytest.raises(InputError, match=r"39 users have 8 .* 2 would be held out.*min_ratings"):
        hold_out_users(some_data(), settings_with(held_out_share=0.05))
    with pytest.raises(InputError, match="0 users have 1000 ratings"):
        hold_out_users(some_data(), settings_with(min_ratings=1000))


def test_holding_out_no_item_is_told() -> None:
    with pytest.raises(InputError, match="new_item_share"):
        measure_new_items(some_data(), MODELS, settings_with(new_item_share=0.001))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ["alls"]}, r"cold_start.models: 'alls' has no block.*Did you mean 'als'"),
        ({"new_item_models": ["xyz"]}, r"cold_start.new_item_models: 'xyz'.*There are bias"),
        ({"blocks": {"new": {"n_steps": 3}}}, r"cold_start.blocks: 'new' has no block"),
        ({"blocks": {"als": {"n_step": 3}}}, r"models.als: unknown setting 'n_step'"),
    ],
)
def test_models_that_cannot_be_measured_are_told_first(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        choose_models(MODELS, settings_with(**change))


def test_models_that_cannot_fold_in_users_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bias, "can_fold_in", False)
    with pytest.raises(InputError, match=r"cold_start.models: bias cannot fold in users"):
        choose_models(MODELS, PLAIN)
    assert choose_models(MODELS, settings_with(models=["als"]))  # as reference it may


def test_a_factor_model_without_plain_factors_is_told() -> None:
    settings = settings_with(factor_model="item_mean")
    with pytest.raises(InputError, match=r"cold_start.factor_model: item_mean is no plain"):
        fit_factor_model(some_data(), {"item_mean": {"family": "item_mean"}}, settings)


def test_if_every_model_fails_that_is_told() -> None:
    _, others, model, interviews = some_interviews()
    errors, _ = compare_strategies(model, interviews, PLAIN)
    broken = {"bias": {"family": "no such"}, "als": {"family": "no such"}}
    with pytest.raises(InputError, match="every model failed"):
        measure_models(others, interviews, errors, broken, PLAIN)


def test_answers_need_users_with_twice_as_many_ratings() -> None:
    with pytest.raises(ValidationError, match="20 ratings, half of which are predicted"):
        settings_with(n_answers=10, min_ratings=19)


def test_the_configuration_is_complete() -> None:
    assert set(PARAMETERS["cold_start"]) == set(ColdStartSettings.model_fields)
    assert ColdStartSettings(**PARAMETERS["cold_start"])
