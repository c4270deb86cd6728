"""The pipeline that looks into a model, on a small project: files, figures, page, mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from fivestar.errors import InputError
from fivestar.models import Factors, Model, load
from fivestar.pipelines.inspection.charts import draw_factors, draw_map, draw_norms
from fivestar.pipelines.inspection.choosing import Inspected, choose_inspected
from fivestar.pipelines.inspection.error_charts import draw_coverage
from fivestar.pipelines.inspection.neighbours import find_neighbours
from fivestar.pipelines.inspection.settings import InspectionSettings
from fivestar.pipelines.inspection.vectors import describe_factors, list_biases, place_items
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, csr_matrix, item_table

from ..browser import browser_page
from ..project import ROOT, make_project, run

LINE_UP = ["bias", "als", "bayesian_mf"]
QUICK = {"min_ratings": 2, "map_items": 25, "n_extremes": 3, "n_factors": 2}
CHARTS = [
    *("map", "norms", "factors", "calibration", "residuals", "errors_by_item"),
    *("errors_by_user", "coverage"),
]
OUT = "data/08_reporting/demo/inspection"
SETTINGS = yaml.safe_load((ROOT / "conf/base/parameters_inspection.yml").read_text())["inspection"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Looked into is the Bayesian model; the items asked for are `Film 3` and `Film 1`."""
    folder = make_project(tmp_path_factory.mktemp("inspection"))
    run(folder, params={"line_up": LINE_UP})
    asked = {"items": "film 3; LM 1", **QUICK}
    inspect(folder, model="bayesian_mf", inspection=asked)
    return folder


def inspect(project: Path, **params: Any) -> None:
    run(project, params={"line_up": LINE_UP, **params}, pipeline_names=["inspection"])


def table(project: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(project / OUT / f"{name}.csv", dtype={"item": str, "title": str})


def rows_of(project: Path, chart: str) -> list[dict[str, Any]]:
    tables = json.loads((project / OUT / f"{chart}.json").read_text())["datasets"].values()
    return [row for rows in tables for row in rows]


def settings(**changes: Any) -> InspectionSettings:
    """Those of the configuration, changed."""
    return InspectionSettings(**SETTINGS | changes)


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
    model: Any = load(project / "data/06_models/demo/bayesian_mf")
    ids = json.loads((project / "data/05_model_input/demo/vocabulary.json").read_text())["items"]
    vectors = model.item_samples[:, :, :-2].reshape(len(ids), -1)
    own = vectors[ids.index(asked[0]["item"])]
    cosines = vectors @ own / np.linalg.norm(vectors, axis=1) / np.linalg.norm(own)
    best = [ids[n] for n in np.argsort(-cosines)[1:11]]
    chosen = (neighbours["asked"] == "film 3") & (neighbours["measure"] == "cosine")
    assert neighbours.loc[chosen, "item"].tolist() == best


def test_errors_are_those_of_the_model_that_has_not_seen_validation(project: Path) -> None:
    errors = table(project, "errors")
    predictions = pd.read_parquet(
        project / "data/07_model_output/demo/bayesian_mf/predictions.parquet"
    )
    validation = predictions[predictions["part"] == "validation"]
    squares = (validation["prediction"] - validation["rating"]) ** 2
    for by in ("item", "user"):
        own = errors[(errors["by"] == by) & (errors["model"] == "bayesian_mf")]
        assert own["n_ratings"].sum() == len(validation)
        total = (own["rmse"] ** 2 * own["n_ratings"]).sum() / len(validation)
        assert total == pytest.approx(squares.mean(), rel=1e-3)
        assert (own["min_count"] <= own["max_count"]).all()
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
        visit.open(project / "data/08_reporting/demo/inspection.html")
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
    page = (project / "data/08_reporting/demo/inspection.html").read_text()
    assert "<h1>Inside als</h1>" in page
    assert 'data-name="coverage"' not in page
    assert "gives numbers, not probabilities" in (project / OUT / "coverage.json").read_text()
    assert set(table(project, "errors")["model"]) == {"als"}
    assert table(project, "map")["method"].eq("pca").all()
    names = table(project, "neighbours")["found"].unique()
    counts = pd.concat(
        pd.read_parquet(project / f"data/05_model_input/demo/{part}.parquet")
        for part in ("train", "validation")
    )["item"].value_counts()
    items = table(project, "neighbours").set_index("item")["n_ratings"]
    assert len(names) == 3
    assert (items == counts.reindex(items.index)).all()


def test_mistakes_are_told_before_anything_is_written(project: Path) -> None:
    before = (project / OUT / "asked.json").stat().st_mtime_ns
    with pytest.raises(InputError, match="'Zyxwv Qqq': no such title"):
        inspect(project, inspection={"items": ["Zyxwv Qqq", "film 3"]})
    assert (project / OUT / "asked.json").stat().st_mtime_ns == before


# -- nodes


class Stub(Model):
    """Vectors of three items, and nothing else; without a `family` it is in no list."""

    def __init__(self, *, vectors: bool) -> None:
        self.vectors, self.trained_on = vectors, DATA.identity

    def factors(self) -> Factors | None:
        return Factors(items=np.eye(3), users=np.ones((2, 3))) if self.vectors else None

    def _fit(self, *args: Any) -> Any: ...

    def _score(self, *args: Any) -> Any: ...


IDS = Vocabulary.from_dict({"users": ["u", "v"], "items": ["1", "2", "10"]})
NONE = csr_matrix(np.array([], int), np.array([], int), np.array([]), (2, 3))
TRAIN = csr_matrix(np.array([0, 1]), np.array([0, 0]), np.array([5.0, 4.0]), (2, 3))
VALIDATION = csr_matrix(np.array([0]), np.array([1]), np.array([3.0]), (2, 3))
DATA = TrainingData(TRAIN, VALIDATION, IDS, Features(NONE, NONE), Scale(1, 5), "demo")
"""Three items of an odd kind: one that nobody rated, and ids that are within each other."""
BOARD = pd.DataFrame({"model": ["mean", "second", "third"], "validation_rmse": [0.8, 0.9, 1.0]})
INSPECTED = Inspected(
    "als", Factors(items=np.eye(3), users=np.eye(3)), [], "", DATA.title, DATA.scale
)


def test_where_the_champion_has_no_vectors_the_next_best_that_has_is_taken() -> None:
    trained = {name: Stub(vectors=name == "third") for name in ("mean", "second", "third")}
    inspected = choose_inspected(trained, BOARD, DATA, None)
    assert inspected.name == "third"
    assert inspected.factors.items.shape == (3, 3)
    assert inspected.others == ["mean", "second"]
    assert inspected.standing.startswith("Validation RMSE 1.0000, place 3 of 3")
    with pytest.raises(InputError, match=r"'mean' has no vectors.*: third"):
        choose_inspected(trained, BOARD, DATA, "mean")
    del trained["third"]
    with pytest.raises(InputError, match="no trained model has vectors"):
        choose_inspected(trained, BOARD, DATA, None)


def test_a_model_of_other_data_is_left_out_beside() -> None:
    trained = {"mean": Stub(vectors=False), "second": Stub(vectors=True)}
    trained["second"].trained_on = DATA.identity | {"fingerprint": "0" * 32}
    with pytest.raises(InputError, match="no trained model has vectors"):
        choose_inspected(trained, BOARD, DATA, None)


def some_items(**columns: list[str]) -> pd.DataFrame:
    return item_table(pd.DataFrame({"item": IDS.items, **columns}), DATA)


def test_without_a_side_table_ids_are_titles() -> None:
    asked, neighbours = find_neighbours(INSPECTED, some_items(), settings(items=[1], min_ratings=1))
    assert asked == [{"asked": "1", "found": "1", "item": "1", "others": ["10"]}]
    assert neighbours["item"].tolist() == ["2", "2"]


def test_an_item_without_ratings_tells_nothing() -> None:
    with pytest.raises(InputError, match="10 has no rating"):
        find_neighbours(INSPECTED, some_items(), settings(items=["10"]))


def test_a_title_asked_for_twice_is_answered_once() -> None:
    items = some_items(title=["Alien", "Aliens", "Crème"])
    asked, _ = find_neighbours(
        INSPECTED, items, settings(items="alien; the ALIEN; lien", min_ratings=1)
    )
    assert [entry["found"] for entry in asked] == ["Alien"]


def test_where_no_item_has_enough_ratings_all_is_empty_and_drawn() -> None:
    items = some_items()
    places = place_items(INSPECTED, items, settings())
    factors = describe_factors(INSPECTED, items, settings())
    assert len(places) == len(factors) == 0
    assert list_biases(INSPECTED, items, settings()).empty
    norms = items[["item", "shown", "n_ratings"]].assign(als=1.0)
    models = pd.DataFrame({"model": ["als"], "norm_and_popularity": [np.nan]})
    coverages = pd.DataFrame({"nominal": [], "observed": []})
    for chart in (
        draw_map(INSPECTED, places),
        draw_factors(INSPECTED, factors),
        draw_norms(INSPECTED, norms, models),
        draw_coverage(INSPECTED, coverages),
    ):
        assert DATA.title in chart.to_dict()["title"]["subtitle"]


def test_the_norms_of_many_items_are_a_sample() -> None:
    norms = pd.DataFrame({"item": "i", "shown": "s", "n_ratings": 1, "als": np.ones(6000)})
    models = pd.DataFrame({"model": ["als"], "norm_and_popularity": [0.5]})
    chart = draw_norms(INSPECTED, norms, models).to_dict()
    assert [len(rows) for rows in chart["datasets"].values()] == [5000]
    assert chart["title"]["subtitle"] == ["A sample of 5,000 of 6,000 items", DATA.title]
