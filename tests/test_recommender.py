"""A trained model is loaded from its folder, and answers by ids and titles."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import sparse

import fivestar
from fivestar.errors import InputError
from fivestar.models import Distribution, Model, build
from fivestar.models.baselines.bias import Bias
from fivestar.ratings import (
    Features,
    Indices,
    Scale,
    TrainingData,
    Vocabulary,
    csr_matrix,
    item_table,
    observed,
)
from fivestar.recommender import Recommender

from .project import ROOT

TITLES = [
    "Toy Story",
    "Alien",
    "Aliens",
    "Star Wars",
    "Matrix, The",
    *map("Film {}".format, range(7)),
]
N_USERS, N_ITEMS = 40, len(TITLES)


def some_data(place: str = "demo", seed: int = 0) -> TrainingData:
    """Users 1 to 40 and items 1 to 12, the last of each without a rating."""
    random = np.random.default_rng(seed)
    users, items = np.nonzero(random.random((N_USERS - 1, N_ITEMS - 1)) < 0.7)
    taste = random.normal(size=(N_USERS, 2)) @ random.normal(size=(2, N_ITEMS))
    ratings = np.clip(np.rint(3 + taste[users, items]), 1, 5)
    is_train = random.random(len(users)) < 0.8
    shape = N_USERS, N_ITEMS
    train, validation = (
        csr_matrix(users[chosen], items[chosen], ratings[chosen], shape)
        for chosen in (is_train, ~is_train)
    )
    ids = (pd.Index([f"{n + 1}" for n in range(size)], dtype="str") for size in shape)
    features = Features(sparse.csr_array((N_USERS, 0)), sparse.csr_array((N_ITEMS, 0)))
    return TrainingData(train, validation, Vocabulary(*ids), features, Scale(1, 5), place)


def items_of(data: TrainingData) -> pd.DataFrame:
    years = pd.array([1995, 1979, *[1980 + n for n in range(N_ITEMS - 2)]], "Int64")
    side = pd.DataFrame({"item": data.vocabulary.items, "title": TITLES, "year": years})
    return item_table(side, data)


def trained(data: TrainingData, family: str, **settings: Any) -> Model:
    model = build({"family": family, **settings})
    model.trained_on = data.identity
    model.fit(data.ratings, scale=data.scale)
    return model


def lay_out(data: TrainingData, project: Path) -> Path:
    """What ``kedro run`` leaves of a place: als the champion, beside a model without vectors."""
    data.save(project / "data/05_model_input" / data.place)
    items_of(data).to_parquet(project / "data/05_model_input" / data.place / "items.parquet")
    models = project / "data/06_models" / data.place
    for name, settings in {"als": {"n_factors": 3, "init_scale": 0.1}, "item_mean": {}}.items():
        model = trained(data, name, **settings)
        model.save(models / name)
        model.save(models / name / "fitted_on_train")
    reporting = project / "data/08_reporting" / data.place
    reporting.mkdir(parents=True)
    (reporting / "leaderboard.csv").write_text("model,validation_rmse\nals,0.9\nitem_mean,1\n")
    return models


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(some_data(), tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def als(models: Path) -> Recommender:
    return fivestar.load(models / "als")


# -- loading


def test_a_model_its_first_fit_and_the_champion_of_a_place_are_loaded(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = models.parents[1]
    monkeypatch.chdir(models)
    for folder in ("als", "als/fitted_on_train", "../demo", layers / "08_reporting/demo"):
        assert fivestar.load(folder).name == "als"
    assert fivestar.load(layers / "05_model_input/demo").name == "als"
    assert fivestar.load(str(models / "item_mean")).name == "item_mean"
    assert "als, demo, split" in repr(fivestar.load("."))


def test_a_fold_is_a_place_of_its_own(tmp_path: Path) -> None:
    models = lay_out(some_data("ml-100k/fold-1"), tmp_path)
    assert fivestar.load(models).name == fivestar.load(models / "als").name == "als"
    (models / "als/model.json").unlink()
    with pytest.raises(InputError, match="kedro run --env ml-100k --params fold=1 --only-missing"):
        fivestar.load(models)


def test_a_model_of_other_data_is_refused_with_the_command_that_trains_it_anew(
    tmp_path: Path,
) -> None:
    models = lay_out(some_data(), tmp_path)
    old, new = some_data(), some_data(seed=1)
    new.save(tmp_path / "data/05_model_input/demo")
    with pytest.raises(InputError) as caught:
        fivestar.load(models / "als")
    message = str(caught.value)
    assert message.startswith(str(models / "als"))
    assert f"trained on demo, split {old.fingerprint[:8]}" in message
    assert f"holds {new.title}" in message
    assert message.endswith("kedro run --env demo --pipelines zoo --namespaces als")


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("data", "not the folder of a model or a place"),
        ("data/06_models", "not the folder of a model or a place"),
        ("data/06_models/demo/nope", "no trained model, and no champion"),
        ("data/06_models/nowhere", "no trained model, and no champion"),
    ],
)
def test_a_folder_without_a_model_is_refused(models: Path, folder: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fivestar.load(models.parents[2] / folder)


def test_missing_training_data_and_an_item_table_of_other_items_are_refused(
    tmp_path: Path,
) -> None:
    models, data = lay_out(some_data(), tmp_path), some_data()
    items = tmp_path / "data/05_model_input/demo/items.parquet"
    items_of(data).iloc[::-1].to_parquet(items)
    with pytest.raises(InputError, match="the item table is of other items"):
        fivestar.load(models / "als")
    items.unlink()
    with pytest.raises(InputError, match=r"items\.parquet: missing.*kedro run --env demo --only"):
        fivestar.load(models / "als")


def test_a_model_saved_with_other_settings_is_refused(tmp_path: Path) -> None:
    folder = lay_out(some_data(), tmp_path) / "als"
    description = json.loads((folder / "model.json").read_text())
    description["settings"]["charm"] = 7
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match=r"als: .*'charm'.*Train it anew: .*--namespaces als"):
        fivestar.load(folder)


def test_it_works_elsewhere_and_without_kedro_mlflow_and_heavy_libraries(
    models: Path, tmp_path: Path
) -> None:
    code = (
        "import sys, fivestar; r = fivestar.load(sys.argv[1]); print(len(r.recommend('1', 3)));"
        "print(r.for_new_user({'Toy Story': 5}, 2)['rank'].tolist());"
        "print({'kedro', 'mlflow', 'altair', 'sklearn'} & set(sys.modules))"
    )
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    answer = subprocess.run(
        [sys.executable, "-c", code, str(models / "als")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines() == ["3", "[1, 2]", "set()"]


# -- predictions


def test_ids_are_predicted_one_or_many_and_a_table_keeps_its_columns(als: Recommender) -> None:
    expected = als.model.predict(np.array([0, 1, 2]), np.array([3, 4, 3]))
    one = als.predict("1", "4")
    assert isinstance(one, float)
    assert one == expected[0]
    many = als.predict(["1", "2", "3"], ["4", "5", "4"])
    assert many.dtype == np.float32
    np.testing.assert_array_equal(many, expected)
    np.testing.assert_array_equal(als.predict(["1", "3"], "4"), expected[[0, 2]])
    assert als.predict(np.array([["1"], ["2"]]), ["4", "5"]).shape == (2, 2)
    pairs = pd.DataFrame({"n": [7, 8], "item": ["4", "5"], "user": ["1", "2"]}, index=[5, 6])
    table = als.predict(pairs)
    assert table.columns.tolist() == [*pairs, "prediction", "low", "high", "fallback"]
    assert table.index.tolist() == [5, 6]
    np.testing.assert_array_equal(table["prediction"], expected[:2])
    assert table[["low", "high"]].isna().all(axis=None)
    assert not table["fallback"].any()
    assert "prediction" not in pairs
    assert als.predict(pairs[:0]).empty


def test_unknown_ids_are_counted_fallbacks(
    als: Recommender, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = pd.DataFrame({"user": ["1", "nobody", "1"], "item": ["4", "4", "none"]})
    table = als.predict(pairs)
    assert table["fallback"].tolist() == [False, True, True]
    assert table["prediction"][1] == pytest.approx(als.items["mean_rating"][3])
    assert table["prediction"][2] == pytest.approx(als.ratings[[0]].data.mean())
    assert "als: 2 of 3 predictions are fallbacks: the user or the item is unknown" in caplog.text
    caplog.clear()
    als.predict(["nobody", None], 4)
    assert "2 of 2" in caplog.text


def test_numbers_are_ids_too() -> None:
    data = some_data()
    ids = Vocabulary(*(pd.Index(map(str, range(n)), dtype="str") for n in (N_USERS, N_ITEMS)))
    data = replace(data, vocabulary=ids)
    numbered = Recommender("bias", trained(data, "bias"), data, items_of(data))
    expected = numbered.predict("10", "7")
    assert numbered.predict(10, 7) == numbered.predict(np.int64(10), np.array(7)) == expected
    assert numbered.predict(pd.Series([10]), [7])[0] == expected
    table = numbered.predict(pd.DataFrame({"user": [10], "item": [7]}))
    assert table["prediction"][0] == np.float32(expected)


class Sure(Bias):
    """Says how sure it is, and takes in nobody."""

    ratings: NDArray[np.floating] = np.array([2.0, 3.0])

    @property
    def distribution(self) -> Distribution | None:
        return self

    def probabilities(self, users: Indices, items: Indices) -> NDArray[np.float32]:
        return np.full((len(users), 2), 0.5, np.float32)

    def interval(
        self, users: Indices, items: Indices, coverage: float = 0.9
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.full(len(users), 2, np.float32), np.full(len(users), 2 + coverage, np.float32)

    @property
    def can_fold_in(self) -> bool:
        return False


@pytest.fixture(scope="module")
def sure() -> Recommender:
    data, model = some_data(), Sure()
    model.fit(data.ratings, scale=data.scale)
    return Recommender("sure", model, data, items_of(data), coverage=0.5)


def test_intervals_are_those_of_the_model(sure: Recommender) -> None:
    table = sure.predict(pd.DataFrame({"user": ["1"], "item": ["2"]}))
    assert table[["low", "high"]].to_numpy().tolist() == [[2, 2.5]]
    assert set(sure.recommend("1")["high"]) == {2.5}


def test_predictions_that_are_not_finite_are_told_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = some_data()
    model: Any = trained(data, "bias")
    model.item_bias = np.where(np.arange(N_ITEMS) == 3, np.nan, model.item_bias)
    table = Recommender("bias", model, data, items_of(data)).predict(
        pd.DataFrame({"user": ["1", "1"], "item": ["4", "5"]})
    )
    assert not table["fallback"].any()
    assert "1 of 2 predictions are means: the model's own are not finite" in caplog.text


# -- lists and reasons


def test_unseen_items_are_recommended_the_best_first(als: Recommender) -> None:
    table = als.recommend(["2", "1"], 4)
    assert table["user"].drop_duplicates().tolist() == ["2", "1"]
    users, items, _ = observed(als.data.ratings)
    ids = als.data.vocabulary
    seen = set(zip(ids.users[users], ids.items[items], strict=True))
    for user, own in table.groupby("user"):
        assert not seen & {(user, item) for item in own["item"]}
        assert own["prediction"].is_monotonic_decreasing
        assert own["rank"].tolist() == list(range(1, len(own) + 1))
    np.testing.assert_array_equal(table["prediction"], als.predict(table)["prediction"])


def test_an_unknown_user_gets_the_items_with_the_highest_means(
    als: Recommender, caplog: pytest.LogCaptureFixture
) -> None:
    table = als.recommend("nobody", 3)
    best = als.items.nlargest(3, "mean_rating")
    assert table["item"].tolist() == best["item"].tolist()
    assert table["fallback"].all()
    assert "1 of 1 users are unknown" in caplog.text


def test_someone_new_is_recommended_to_and_told_why(
    als: Recommender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    table = als.for_new_user({"toy story": 5, "Alien": 1}, 20)
    assert "'toy story' is Toy Story (1995)" in caplog.text
    assert not {"1", "2"} & set(table["item"])
    assert len(table) == N_ITEMS - 3  # two are rated, and nobody has rated the last
    new = als.with_new_users({"toy story": 5, "Alien": 1})
    pd.testing.assert_frame_equal(new.recommend("new user", 20), table)
    reasons = new.explain("new user", "Star Wars").query("kind == 'own rating'")
    assert set(reasons["reason"]) == {"1", "2"}
    total = reasons["base"].iloc[0] + reasons["value"].sum()
    assert total == pytest.approx(reasons["prediction"].iloc[0], abs=1e-4)
    assert len(als.users) == N_USERS


def test_new_users_mistakes_are_told_and_not_every_model_takes_them_in(
    als: Recommender, sure: Recommender
) -> None:
    with pytest.raises(InputError, match=r"did you mean one of: Toy Story") as caught:
        als.for_new_user({"Toy Xxxx": 4, "Star Wars": 9})
    assert "outside the scale 1 to 5" in str(caught.value)
    with pytest.raises(InputError, match="sure cannot take in new users"):
        sure.for_new_user({"Alien": 4})


def test_similar_items_are_those_with_the_highest_cosine(als: Recommender, models: Path) -> None:
    table = als.similar("alien", 3)
    vectors: Any = als.trained.factors()
    unit = vectors.items / np.linalg.norm(vectors.items, axis=1, keepdims=True).clip(1e-9)
    cosines = pd.Series(unit @ unit[1], als.items["item"])[:-1].drop("2").nlargest(3)
    assert table["item"].tolist() == cosines.index.tolist()
    np.testing.assert_allclose(table["similarity"], cosines, rtol=1e-5)
    pd.testing.assert_frame_equal(als.similar("2", 3), table)
    with pytest.raises(InputError, match="no such title"):
        als.similar("Zzz")
    with pytest.raises(InputError, match="item_mean has no vectors of items"):
        fivestar.load(models / "item_mean").similar("Alien")


def test_a_pair_is_explained_by_title_or_id_and_a_table_row_by_row(als: Recommender) -> None:
    table = als.explain("1", "Star Wars", n_reasons=2)
    assert set(table["kind"]) == {"own rating", "other ratings", "nearest", "factor"}
    assert table["title"].unique().tolist() == ["Star Wars"]
    assert "4" not in table.query("kind == 'nearest'")["reason"].tolist()
    pd.testing.assert_frame_equal(als.explain("1", "4", n_reasons=2), table)
    pairs = pd.DataFrame({"user": ["1", "2"], "item": ["4", "5"], "n": [1, 2]})
    both = als.explain(pairs, n_reasons=2)
    assert both.columns[:3].tolist() == ["user", "item", "n"]
    first = both.query("n == 1")[table.columns[5:]]
    pd.testing.assert_frame_equal(first, table[table.columns[5:]])
    with pytest.raises(InputError, match=r"no such user: '100'\. Did you mean"):
        als.explain("100", "4")


# -- the page


def test_the_session_of_the_page_runs_as_it_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(some_data(), tmp_path)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs/load-a-result.md").read_text(encoding="utf-8")
    session = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S))
    for method in ("predict", "recommend", "for_new_user", "similar", "explain"):
        assert f".{method}(" in session
    names: dict[str, Any] = {}
    exec(compile(session, "load-a-result.md", "exec"), names)
    assert isinstance(names["movies"], Recommender)
