"""The pipeline that looks into a model, on a small project: files, figures, page, mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import sparse

from fivestar.analysis.embeddings import Embeddings
from fivestar.errors import InputError
from fivestar.models import Model, load
from fivestar.pipelines.inspection.asking import find_neighbours
from fivestar.pipelines.inspection.charts import draw_factors, draw_map, draw_norms
from fivestar.pipelines.inspection.choosing import describe_items, find_embeddings
from fivestar.pipelines.inspection.error_charts import draw_coverages
from fivestar.pipelines.inspection.nodes import describe_factors, list_biases, place_items
from fivestar.pipelines.inspection.settings import InspectionSettings

from ..browser import browser_page
from ..project import ROOT, make_project, run

LINE_UP = ["bias", "als", "bayesian_mf"]
QUICK = {"min_ratings": 2, "map_items": 25, "n_extremes": 3, "n_factors": 2}
CHARTS = [
    *("map", "norms", "factors", "calibration", "residuals", "errors_by_item"),
    *("errors_by_user", "coverage"),
]
OUT = "data/08_reporting/inspection"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Looked into is the Bayesian model; the items asked for are `Film 3` and `Film 1`."""
    folder = make_project(tmp_path_factory.mktemp("inspection"))
    run(folder, params={"line_up": LINE_UP})
    asked = {"items": "film 3; LM 1", **QUICK}
    inspect(folder, model="bayesian_mf", inspection=asked)
    return folder


def inspect(project: Path, **params: Any) -> None:
    run(project, params=params, pipeline_names=["inspection"])


def table(project: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(project / OUT / f"{name}.csv", dtype={"item": str, "title": str})


def rows_of(project: Path, chart: str) -> list[dict[str, Any]]:
    tables = json.loads((project / OUT / f"{chart}.json").read_text())["datasets"].values()
    return [row for rows in tables for row in rows]


def fitted(project: Path, model: str) -> Model:
    return load(project / f"data/06_models/{model}/fitted_on_train")


# -- what a run leaves


def test_neighbours_are_those_of_the_model_and_other_titles_are_named(project: Path) -> None:
    neighbours = table(project, "neighbours")
    assert neighbours.columns.tolist()[:10] == [
        *("asked", "found", "measure", "rank", "item", "title", "year", "genres"),
        *("similarity", "n_ratings"),
    ]
    assert len(neighbours) == 2 * 2 * 10
    asked = json.loads((project / OUT / "asked.json").read_text())
    assert [entry["asked"] for entry in asked] == ["film 3", "LM 1"]
    assert asked[0]["found"].startswith("Film 3 (")
    assert all(entry["others"] for entry in asked)  # Film 30, Film 10 and so on
    model: Any = load(project / "data/06_models/bayesian_mf")
    ids = json.loads((project / "data/05_model_input/vocabulary.json").read_text())["items"]
    vectors = model.item_samples[:, :, :-1].reshape(len(ids), -1)
    own = vectors[ids.index(asked[0]["item"])]
    cosines = vectors @ own / np.linalg.norm(vectors, axis=1) / np.linalg.norm(own)
    best = [ids[n] for n in np.argsort(-cosines)[1:11]]
    chosen = (neighbours["asked"] == "film 3") & (neighbours["measure"] == "cosine")
    assert neighbours.loc[chosen, "item"].tolist() == best


def test_errors_are_those_of_the_model_that_has_not_seen_validation(project: Path) -> None:
    errors = table(project, "errors")
    predictions = pd.read_parquet(project / "data/07_model_output/bayesian_mf/predictions.parquet")
    validation = predictions[predictions["part"] == "validation"]
    squares = (validation["prediction"] - validation["rating"]) ** 2
    for by in ("item", "user"):
        own = errors[(errors["by"] == by) & (errors["model"] == "bayesian_mf")]
        assert own["n_ratings"].sum() == len(validation)
        total = (own["rmse"] ** 2 * own["n_ratings"]).sum() / len(validation)
        assert total == pytest.approx(squares.mean(), rel=1e-3)
        assert (own["least"] <= own["most"]).all()
    assert set(errors["model"]) == {"bayesian_mf", "bias"}
    coverage = table(project, "coverage")
    assert coverage["nominal"].tolist() == pytest.approx(np.arange(0.05, 1, 0.05))
    assert coverage["observed"].is_monotonic_increasing


def test_models_stand_side_by_side_and_the_biases_beside_the_means(project: Path) -> None:
    models = table(project, "models")
    assert models["model"].tolist() == ["bayesian_mf", "als"]
    norms = [row for row in rows_of(project, "norms") if "norm_1" in row]
    assert len(norms) == 40
    biases = table(project, "biases")
    assert biases["end"].tolist() == ["highest"] * 3 + ["lowest"] * 3
    assert biases["bias"].iloc[:3].is_monotonic_decreasing
    assert biases["mean_rating"].iloc[0] > biases["mean_rating"].iloc[3]


def test_the_map_has_the_most_rated_and_their_genres(project: Path) -> None:
    places = table(project, "map")
    assert len(places) == 25
    assert set(places["label"]) <= {"Drama", "Comedy", "Romance"}
    assert places["n_ratings"].is_monotonic_decreasing
    assert len({row["label"] for row in rows_of(project, "map") if "label" in row}) > 1


def test_the_page_is_drawn_and_a_click_in_its_legend_leaves_one_genre(project: Path) -> None:
    with browser_page() as visit:
        visit.open(project / "data/08_reporting/inspection.html")
        assert visit.errors == []
        assert visit.outside == []
        assert visit.charts() == CHARTS
        assert visit.blank() == []
        before = {mark["fill"] for mark in visit.marks("map", mark="symbol")}
        legend = """async () => {
          const view = window.charts["map"];
          view.signal("label_label_legend", "Drama").signal("label_toggle", false);
          await view.runAsync();
        }"""
        visit.page.evaluate(legend)
        after = {mark["fill"] for mark in visit.marks("map", mark="symbol")}
        assert len(before) > 1
        assert before != after
        bars = {mark["title"] for mark in visit.marks("factors")}
        visit.page.locator('[data-name="factors"] select').select_option(index=1)
        assert {mark["title"] for mark in visit.marks("factors")} != bars


def test_another_model_by_its_name_has_no_intervals(project: Path) -> None:
    inspect(project, model="als", inspection={**QUICK, "map": "pca", "reference": None})
    page = (project / "data/08_reporting/inspection.html").read_text()
    assert "<h1>Inside als</h1>" in page
    assert 'data-name="coverage"' not in page
    assert "gives numbers, not chances" in (project / OUT / "coverage.json").read_text()
    assert set(table(project, "errors")["model"]) == {"als"}
    assert table(project, "map")["method"].eq("pca").all()
    names = table(project, "neighbours")["found"].unique()
    counts = pd.concat(
        pd.read_parquet(project / f"data/05_model_input/{part}.parquet")
        for part in ("train", "validation")
    )["item"].value_counts()
    items = table(project, "neighbours").set_index("item")["n_ratings"]
    assert len(names) == 3
    assert (items == counts.reindex(items.index)).all()


def test_mistakes_are_told_before_anything_is_written(project: Path) -> None:
    before = (project / OUT / "asked.json").stat().st_mtime_ns
    for params, told in (
        ({"inspection": {"items": ["Zyxwv Qqq", "film 3"]}}, "'Zyxwv Qqq': no such title"),
        ({"model": "bias"}, r"'bias' has no vectors of items.*als"),
        ({"model": "alz"}, "Did you mean 'als'"),
    ):
        with pytest.raises(InputError, match=told):
            inspect(project, **params)
    assert (project / OUT / "asked.json").stat().st_mtime_ns == before


# -- nodes


class Stub(Model):
    """Vectors of three items, and nothing else; without a `family` it is in no list."""

    def __init__(self, *, vectors: bool) -> None:
        self.user_means, self.item_means = np.zeros(2), np.zeros(3)
        if vectors:
            self.item_factors, self.user_factors = np.eye(3), np.ones((2, 3))
            self.item_bias = self.user_bias = np.zeros(0)

    def _fit(self, *args: Any) -> Any: ...

    def _score(self, *args: Any) -> Any: ...


IDS = {"users": ["u", "v"], "items": ["1", "2", "10"]}
BOARD = pd.DataFrame({"model": ["mean", "second", "third"]})


def test_where_the_champion_has_no_vectors_the_next_best_that_has_is_taken() -> None:
    trained = {name: Stub(vectors=name == "third") for name in ("mean", "second", "third")}
    name, embeddings = find_embeddings("mean", trained["mean"], trained, BOARD, IDS, None)
    assert name == "third"
    assert embeddings.items.shape == (3, 3)
    with pytest.raises(InputError, match=r"'mean' has no vectors.*: third"):
        find_embeddings("mean", trained["mean"], trained, BOARD, IDS, "mean")
    del trained["third"]
    with pytest.raises(InputError, match="no trained model has vectors"):
        find_embeddings("mean", trained["mean"], trained, BOARD, IDS, None)


def test_a_model_of_other_data_is_left_out_beside() -> None:
    trained = {"mean": Stub(vectors=False), "second": Stub(vectors=True)}
    trained["second"].item_means = np.zeros(7)
    with pytest.raises(InputError, match="no trained model has vectors"):
        find_embeddings("mean", trained["mean"], trained, BOARD, IDS, None)


def some_items(items: pd.DataFrame | None = None) -> pd.DataFrame:
    """Three items of an odd kind: no side table, and one that nobody rated."""
    train = sparse.csr_array(np.array([[5.0, 0, 0], [4.0, 0, 0]]))
    validation = sparse.csr_array(np.array([[0, 3.0, 0], [0, 0, 0]]))
    table = pd.DataFrame({"item": IDS["items"]}) if items is None else items
    return describe_items(table, train, validation, IDS)


def test_without_a_side_table_ids_are_titles() -> None:
    about = some_items()
    assert about["shown"].tolist() == ["1", "2", "10"]
    assert about["n_ratings"].tolist() == [2, 1, 0]
    np.testing.assert_allclose(about["mean_rating"], [4.5, 3, np.nan])
    assert about["year"].isna().all()
    settings = InspectionSettings(items=[1], min_ratings=1)
    asked, neighbours = find_neighbours("als", Embeddings(np.eye(3), None), about, settings)
    assert asked == [{"asked": "1", "found": "1", "item": "1", "others": ["10"]}]
    assert neighbours["item"].tolist() == ["2", "2"]


def test_an_item_without_ratings_tells_nothing() -> None:
    with pytest.raises(InputError, match="10 has no rating"):
        find_neighbours(
            "als", Embeddings(np.eye(3), None), some_items(), InspectionSettings(items=["10"])
        )


def test_a_title_asked_for_twice_is_answered_once() -> None:
    items = pd.DataFrame({"item": IDS["items"], "title": ["Alien", "Aliens", "Crème"]})
    settings = InspectionSettings(items="alien; the ALIEN; lien", min_ratings=1)
    asked, _ = find_neighbours("als", Embeddings(np.eye(3), None), some_items(items), settings)
    assert [entry["found"] for entry in asked] == ["Alien"]


def test_where_no_item_has_enough_ratings_all_is_empty_and_drawn() -> None:
    about, settings = some_items(), InspectionSettings()
    items, embeddings = pd.DataFrame({"item": IDS["items"]}), Embeddings(np.eye(3), np.eye(3))
    places = place_items(embeddings, items, about, settings)
    factors = describe_factors(embeddings, items, about, settings)
    assert len(places) == len(factors) == 0
    assert list_biases("als", embeddings, about, settings).empty
    norms = about[["item", "shown", "n_ratings"]].assign(als=1.0)
    models = pd.DataFrame({"model": ["als"], "norm_and_popularity": [np.nan]})
    coverages = pd.DataFrame({"nominal": [], "observed": []})
    for chart in (
        draw_map(places),
        draw_factors(factors),
        draw_norms(norms, models),
        draw_coverages("als", coverages),
    ):
        assert chart.to_dict()


def test_the_norms_of_many_items_are_a_sample() -> None:
    norms = pd.DataFrame({"item": "i", "shown": "s", "n_ratings": 1, "als": np.ones(6000)})
    models = pd.DataFrame({"model": ["als"], "norm_and_popularity": [0.5]})
    chart = draw_norms(norms, models).to_dict()
    assert [len(rows) for rows in chart["datasets"].values()] == [5000]
    assert chart["title"]["subtitle"] == "A sample of 5,000 of 6,000 items"


def test_settings_are_those_of_the_configuration() -> None:
    text = (ROOT / "conf/base/parameters_inspection.yml").read_text()
    settings: dict[str, Any] = yaml.safe_load(text)["inspection"]
    assert InspectionSettings(**settings) == InspectionSettings()
    assert set(settings) == set(InspectionSettings.model_fields)
