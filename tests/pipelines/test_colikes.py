"""The pipeline of co-likes on a small project: files, runs in MLflow, answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.runner import ParallelRunner
from scipy import sparse

from fivestar.errors import InputError
from fivestar.pipelines.colikes.answer import ask
from fivestar.pipelines.colikes.charts import draw_costs
from fivestar.pipelines.colikes.nodes import count_co_likes, train_grid
from fivestar.pipelines.colikes.settings import ColikesSettings
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, item_table

from ..project import ROOT, make_project, mlflow_runs, run

RATES = {"adam": [0.01, 0.03], "sgd": [0.1, 100.0]}
QUICK = {"rank": 4, "n_epochs": 15, "min_likes": 1, "learning_rates": RATES}
USUAL = yaml.safe_load((ROOT / "conf/base/parameters_colikes.yml").read_text())["colikes"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid of which one run diverges; three items of the side table have no rating."""
    project = make_project(tmp_path_factory.mktemp("colikes"))
    with (project / "data/01_raw/demo/ml-100k.item").open("a") as file:
        file.writelines(f"{n}\tUnseen {n}\t1990\tDrama\n" for n in (901, 902, 903))
    run(project, params={"colikes": QUICK}, pipeline_names=["colikes"])
    return project


def test_files_hold_every_item_and_symmetric_counts(project: Path) -> None:
    items = pd.read_parquet(project / "data/05_model_input/demo/colikes/items.parquet")
    train = pd.read_parquet(project / "data/05_model_input/demo/train.parquet")
    counts = sparse.load_npz(project / "data/05_model_input/demo/colikes/counts.npz")
    assert items["n_ratings"].sum() == len(train)
    assert items["n_likes"].sum() == (train["rating"] >= 4).sum()
    assert items.loc[items["item"].isin(["901", "902", "903"]), "n_ratings"].tolist() == [0, 0, 0]
    assert counts.shape == (len(items), len(items))
    assert not counts.diagonal().any()
    assert (counts != counts.T).nnz == 0
    embeddings = pd.read_parquet(project / "data/06_models/demo/colikes/embeddings.parquet")
    assert embeddings["item"].tolist() == items["item"].tolist()
    assert np.isfinite(embeddings.filter(regex="^v").to_numpy()).all()


def test_every_run_of_the_grid_is_a_flat_run_and_the_diverged_one_failed(project: Path) -> None:
    runs = {r.info.run_name: r for r in mlflow_runs(project)}
    assert {name: r.info.status for name, r in runs.items()} == {
        "colikes-adam-0.01": "FINISHED",
        "colikes-adam-0.03": "FINISHED",
        "colikes-sgd-0.1": "FINISHED",
        "colikes-sgd-100": "FAILED",
    }
    for tracked in runs.values():
        tags = tracked.data.tags
        assert tags["model"] == "colikes"
        assert {"kedro_run", "dataset", "split", "git_revision"} <= set(tags)
        assert "mlflow.parentRunId" not in tags
        assert tracked.data.params["rank"] == "4"
        assert tracked.data.params["optimizer"] == tags["optimizer"]
        assert tracked.info.start_time <= tracked.info.end_time
        assert {"cost", "curve_cost", "best_epoch"} <= set(tracked.data.metrics)
    assert runs["colikes-sgd-100"].data.tags["failure"].startswith("diverged at epoch ")
    assert runs["colikes-adam-0.01"].data.tags["learning_rate"] == "0.01"


def test_charts_show_one_optimiser_each(project: Path) -> None:
    for optimizer, rates in RATES.items():
        text = (project / f"data/08_reporting/demo/colikes/cost_{optimizer}.json").read_text()
        assert "demo, split " in json.loads(text)["title"]["subtitle"]
        points = [point for table in json.loads(text)["datasets"].values() for point in table]
        names = list(dict.fromkeys(point["run"] for point in points))
        assert len(names) == len(rates)
        assert names[0] == f"rate {rates[0]:g}"
    assert "diverged at epoch" in names[1]


def test_asking_again_does_not_train_again(project: Path) -> None:
    before = (project / "data/06_models/demo/colikes/embeddings.parquet").stat().st_mtime_ns
    n_runs = len(mlflow_runs(project))
    asked = {**QUICK, "because_you_like": "film 3; FILM 7 ", "n_recommendations": 5}
    run(project, params={"colikes": asked}, pipeline_names=["colikes"], tags=["ask"])
    table = pd.read_csv(project / "data/07_model_output/demo/colikes/because_you_like.csv")
    assert table.columns.tolist() == ["rank", "item", "title", "year", "n_likes", "cosine"]
    assert table["rank"].tolist() == [1, 2, 3, 4, 5]
    assert not table["title"].isin(["Film 3", "Film 7"]).any()
    assert (table["n_likes"] > 0).all()
    text = (project / "data/07_model_output/demo/colikes/because_you_like.json").read_text()
    answer = json.loads(text)
    understood = answer["because_you_like"]
    assert [entry["found"][:6] for entry in understood] == ["Film 3", "Film 7"]
    assert len(answer["recommendations"]) == 5
    assert (project / "data/06_models/demo/colikes/embeddings.parquet").stat().st_mtime_ns == before
    assert len(mlflow_runs(project)) == n_runs


def test_titles_that_are_not_there_are_one_error_with_suggestions(project: Path) -> None:
    asked = {**QUICK, "because_you_like": ["Unseen 901", "Film 3", "Firm 99x", "0"]}
    with pytest.raises(InputError) as caught:
        run(project, params={"colikes": asked}, pipeline_names=["colikes"], tags=["ask"])
    message = str(caught.value)
    assert "nobody in train likes Unseen 901" in message
    assert "'Firm 99x': no such title; did you mean" in message


def test_runs_are_tracked_from_worker_processes_too(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    params = {"colikes": {**QUICK, "learning_rates": {"adam": [0.01], "sgd": []}}}
    run(project, params=params, pipeline_names=["colikes"], runner=ParallelRunner(max_workers=2))
    assert [r.info.run_name for r in mlflow_runs(project)] == ["colikes-adam-0.01"]


# -- nodes


def settings(**changes: Any) -> ColikesSettings:
    return ColikesSettings(**{**USUAL, **changes})


def some_items() -> tuple[TrainingData, pd.DataFrame]:
    """Ratings of 0 to 10 of four items, the first without any, and their table without titles."""
    ratings = [("a", "1", 8.0), ("a", "2", 10.0), ("b", "1", 9.0), ("b", "2", 8.0), ("b", "3", 7.0)]
    train = pd.DataFrame(ratings, columns=["user", "item", "rating"])
    ids = Vocabulary(pd.Index(["a", "b"]), pd.Index(["0", "1", "2", "3"]))
    sides = (sparse.csr_array((size, 0), dtype=np.float32) for size in ids.shape)
    matrices = ids.matrix(train), ids.matrix(train.head(0))
    data = TrainingData(*matrices, ids, Features(*sides), Scale(0, 10), "demo")
    return data, item_table(pd.DataFrame({"item": ids.items}), data)


def test_without_titles_the_id_is_the_title_and_a_like_is_a_fraction_of_the_scale() -> None:
    table, counts = count_co_likes(*some_items(), settings())
    assert table["title"].tolist() == ["0", "1", "2", "3"]
    assert table["n_ratings"].tolist() == [0, 2, 2, 1]
    assert table["n_likes"].tolist() == [0, 2, 2, 0]
    assert counts.sum() == 4
    table, _ = count_co_likes(*some_items(), settings(liked_from=7))
    assert table["n_likes"].tolist() == [0, 2, 2, 1]
    asking = settings(rank=2, n_epochs=5, min_likes=1, because_you_like=[1])
    embeddings, _ = train_grid(*count_co_likes(*some_items(), asking), asking)
    answer, recommendations = ask(embeddings, asking)
    assert answer["because_you_like"][0]["found"] == "1"
    assert recommendations["item"].tolist() == ["2"]


def test_no_like_at_all_is_told() -> None:
    with pytest.raises(InputError, match="liked_share"):
        count_co_likes(*some_items(), settings(liked_from=11))


def test_a_grid_that_diverges_as_a_whole_is_told() -> None:
    counted = count_co_likes(*some_items(), settings())
    with pytest.raises(InputError, match="all 2 runs of the co-likes diverged"):
        train_grid(*counted, settings(rank=2, learning_rates={"sgd": [1e3, 1e4]}))


def test_asking_for_nothing_shows_the_most_liked() -> None:
    vectors = pd.DataFrame(np.eye(3) + 0.1, columns=["v0", "v1", "v2"])
    about = {"item": list("abc"), "title": list("ABC"), "year": np.nan, "n_likes": [1, 30, 20]}
    answer, _ = ask(pd.DataFrame(about).assign(shown=list("ABC")).join(vectors), settings())
    assert answer["because_you_like"] == [{"asked": None, "found": "B", "others": []}]
    assert [row["title"] for row in answer["recommendations"]] == ["C"]


def test_chart_of_an_optimiser_without_runs_is_empty() -> None:
    for chart in draw_costs([], some_items()[0]):
        assert not any(chart.to_dict()["datasets"].values())
