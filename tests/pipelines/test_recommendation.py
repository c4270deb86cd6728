"""The pipeline of recommendations on a small project: files, new people, mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from numpy.typing import NDArray

from fivestar import models
from fivestar.datasets import ParquetBlocks
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.models.baselines.bias import Bias
from fivestar.pipelines.recommendation.charts import draw_ranking
from fivestar.pipelines.recommendation.explaining import COLUMNS as REASONS
from fivestar.pipelines.recommendation.explaining import explain
from fivestar.pipelines.recommendation.measuring import measure_ranking
from fivestar.pipelines.recommendation.newcomers import read_newcomers, recommend_to_newcomers
from fivestar.pipelines.recommendation.nodes import fill_full_table, find_users, recommend
from fivestar.pipelines.recommendation.settings import RecommendationSettings
from fivestar.pipelines.recommendation.tables import (
    COLUMNS,
    Catalogue,
    read_out,
    recommendation_table,
)
from fivestar.ratings import Positions, Scale, csr_matrix

from ..project import ROOT, make_project, run

SCALE = Scale(1, 5)
LINE_UP = {"line_up": ["als", "bias"]}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All jobs, by als; two new people, one with an empty cell, beside one on the command line."""
    project = make_project(tmp_path_factory.mktemp("recommendation"))
    run(project, params=LINE_UP)
    text = "user,title,rating\nAnn,film 3,5\nAnn,Film 7 (1960),2\nBob,Film 8,4\nBob,Film 9,\n"
    (project / "people.csv").write_text(text)
    settings = {"newcomer": "Film 1=5; 3=4.5", "min_ratings": 5}
    params = {"newcomers_file": "people.csv", "model": "als", "recommendation": settings}
    run(project, params=params, pipeline_names=["recommendation"])
    return project


def output(project: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(project / f"data/07_model_output/{name}.parquet")


def seen_pairs(project: Path) -> set[tuple[str, str]]:
    parts = [
        pd.read_parquet(project / f"data/05_model_input/{p}.parquet")
        for p in ("train", "validation")
    ]
    return set(pd.concat(parts)[["user", "item"]].itertuples(index=False, name=None))


def test_everybody_gets_unseen_items_with_titles_the_best_first(project: Path) -> None:
    table, seen = output(project, "recommendations"), seen_pairs(project)
    assert table.dtypes.astype(str).to_dict() == COLUMNS
    assert table["user"].nunique() == 60
    assert not seen & set(table[["user", "item"]].itertuples(index=False, name=None))
    assert (table["title"] == "Film " + (table["item"].astype(int) - 1).astype(str)).all()
    for _, own in table.groupby("user"):
        assert own["rank"].tolist() == list(range(1, len(own) + 1))
        assert own["prediction"].is_monotonic_decreasing
    assert table["lower"].isna().all()


def test_full_table_holds_the_predictions_of_all_pairs(project: Path) -> None:
    table = output(project, "full_table")
    ids = json.loads((project / "data/05_model_input/vocabulary.json").read_text())
    assert table.columns.tolist() == ["user", *ids["items"]]
    assert table["user"].tolist() == ids["users"]
    assert set(table.dtypes.astype(str)[1:]) == {"float32"}
    model = models.load(project / "data/06_models/als")
    pairs = np.repeat(np.arange(60), 40), np.tile(np.arange(40), 60)
    stars = table.iloc[:, 1:].to_numpy().ravel()
    np.testing.assert_allclose(stars, model.predict(*pairs), atol=1e-5)


def test_recommendations_are_explained_by_own_ratings(project: Path) -> None:
    table, listed = output(project, "explanations"), output(project, "recommendations")
    assert table.dtypes.astype(str).to_dict() == REASONS
    assert table["user"].nunique() == 5
    for (user, _), reasons in table.groupby(["user", "item"]):
        assert set(reasons["kind"]) == {"own rating", "other ratings", "nearest", "factor"}
        parts = reasons[reasons["kind"].isin(["own rating", "other ratings"])]["value"].sum()
        assert reasons["base"].iloc[0] + parts == pytest.approx(reasons["explained"].iloc[0])
        rated = reasons[reasons["kind"].isin(["own rating", "nearest"])]
        assert {(user, item) for item in rated["reason"]} <= seen_pairs(project)
    each = table.drop_duplicates(["user", "item"]).merge(listed, on=["user", "item"])
    assert (each["prediction_x"] == each["prediction_y"]).all()
    off = each["explained"].clip(1, 5) - each["prediction_x"]
    assert off.abs().median() < 0.3  # four sweeps: users are not at their optimum yet


def test_new_people_get_recommendations_without_training(project: Path) -> None:
    table = output(project, "newcomer_recommendations")
    assert table.dtypes.astype(str).to_dict() == COLUMNS
    assert list(dict.fromkeys(table["user"])) == ["newcomer", "Ann", "Bob"]
    own = {"newcomer": {"2", "3"}, "Ann": {"4", "8"}, "Bob": {"9"}}  # Film 3 is item 4
    for person, rows in table.groupby("user"):
        assert len(rows) == 10
        assert not own[str(person)] & set(rows["item"])
    reasons = output(project, "newcomer_explanations")
    told = reasons[reasons["kind"] == "own rating"].groupby("user")["reason"].agg(set).to_dict()
    assert told == own
    exact = reasons.drop_duplicates(["user", "item"])
    np.testing.assert_allclose(exact["explained"].clip(1, 5), exact["prediction"], atol=1e-4)


def test_ranking_is_measured_by_both_protocols_on_both_parts(project: Path) -> None:
    table = pd.read_csv(project / "data/08_reporting/ranking.csv")
    assert table.columns.tolist() == [
        *("model", "part", "protocol", "n", "n_users"),
        *("precision", "recall", "ndcg", "map", "coverage", "novelty"),
    ]
    assert table["model"].tolist() == ["als"] * 4 + ["bias"] * 4  # item_mean is not trained
    assert len(table.drop_duplicates(["model", "part", "protocol"])) == 8
    shares = table[["precision", "recall", "ndcg", "map", "coverage"]]
    assert shares.ge(0).all(axis=None)
    assert shares.le(1).all(axis=None)
    for protocol in ("all_unseen_items", "only_rated_items"):
        path = project / f"data/08_reporting/recommendation/ranking_{protocol}.json"
        (bars,) = json.loads(path.read_text())["datasets"].values()
        assert {bar["model"] for bar in bars} == {"als", "bias"}


def test_a_second_run_leaves_out_what_is_too_large_and_nobody_new(project: Path) -> None:
    settings = {"users": "3; 1", "n": 2, "full_table": {"at_most_megabytes": 0}}
    params = {"model": "bias", "recommendation": settings}
    run(project, params=params, pipeline_names=["recommendation"], tags=["top", "table"])
    assert not (project / "data/07_model_output/full_table.parquet").exists()
    assert output(project, "recommendations")["user"].tolist() == ["3", "3", "1", "1"]
    run(project, params={"model": "als"}, pipeline_names=["recommendation"], tags=["newcomers"])
    for name, columns in (("recommendations", COLUMNS), ("explanations", REASONS)):
        table = output(project, f"newcomer_{name}")
        assert table.empty
        assert table.columns.tolist() == list(columns)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"users": "1; 100x; 7"}, "recommendation.users: no such user: '100x'"),
        ({"newcomer": "Film 3"}, "'Film 3' is no title with a rating"),
        ({"newcomer": "Film 3=9; Gone=4"}, "outside the scale 1 to 5"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    project: Path, settings: dict[str, Any], message: str
) -> None:
    before = (project / "data/08_reporting/ranking.csv").stat().st_mtime_ns
    with pytest.raises(Exception, match=message):
        run(project, params={"recommendation": settings}, pipeline_names=["recommendation"])
    assert (project / "data/08_reporting/ranking.csv").stat().st_mtime_ns == before


# -- nodes


class Sure(Bias):
    """Says how sure it is, and takes in nobody."""

    stars: ClassVar[NDArray[np.floating]] = np.array([2.0, 3.0])

    def predict_distribution(self, users: Positions, items: Positions) -> NDArray[np.float32]:
        return np.full((len(users), 2), 0.5, np.float32)

    def predict_interval(
        self, users: Positions, items: Positions, coverage: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.full(len(users), 2, np.float32), np.full(len(users), 2 + coverage, np.float32)

    @property
    def can_fold_in(self) -> bool:
        return False


IDS = {"users": ["a", "b", "c"], "items": ["x", "y", "z", "new"]}
TRAIN = csr_matrix(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 2]), np.array([5.0, 3, 4, 2]), (3, 4))
VALIDATION = csr_matrix(np.array([0, 1]), np.array([2, 1]), np.array([4.0, 5]), (3, 4))
ITEMS = pd.DataFrame({"item": ["x", "y", "z", "new", "never"]})


def fitted(kind: type[Model] = Bias) -> Model:
    model = kind()
    model.fit(TRAIN, scale=SCALE, label="bias")
    return model


def some_recommendations(model: Model, **settings: Any) -> pd.DataFrame:
    users = np.arange(3)
    given = RecommendationSettings(min_ratings=1, **settings)
    return recommend("bias", model, users, TRAIN, VALIDATION, IDS, ITEMS, given)


def test_without_titles_the_id_is_the_title_and_strangers_get_the_highest_means() -> None:
    table = some_recommendations(fitted(), n=2)
    assert table[["user", "item", "title"]].to_numpy().tolist() == [
        ["c", "x", "x"],
        ["c", "y", "y"],
    ]  # a and b have seen all items that anybody rated
    assert table["year"].isna().all()


def test_intervals_are_those_of_the_model() -> None:
    table = some_recommendations(fitted(Sure), n=2, coverage=0.5)
    assert table["lower"].tolist() == [2, 2]
    assert table["upper"].tolist() == [2.5, 2.5]
    ((user, lines),) = read_out(table, 3)
    assert user == "c"
    assert "2 to 2.5" in lines


def test_where_no_item_has_enough_ratings_nothing_is_recommended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = RecommendationSettings(min_ratings=9)
    table = recommend("bias", fitted(), np.arange(3), TRAIN, VALIDATION, IDS, ITEMS, settings)
    assert table.empty
    assert "set `recommendation.min_ratings` to 2 at the most" in caplog.text
    reasons = explain(fitted(), table, TRAIN, VALIDATION, IDS, ITEMS, settings)
    assert reasons.dtypes.astype(str).to_dict() == REASONS


def test_titles_that_lack_and_years_are_kept_apart() -> None:
    items = pd.DataFrame(
        {"item": ["x", "y"], "title": ["Über {x}", None], "year": pd.array([2001, None], "Int64")}
    )
    catalogue = Catalogue(items, pd.Index(["y", "x", "z"], dtype="str"))
    about = catalogue.of(np.array([1, 0, 2]))
    assert about["title"].tolist() == ["Über {x}", "y", "z"]
    assert about["year"].isna().tolist() == [False, True, True]
    lists = np.array([[1, -1], [0, 2]])
    ids = pd.Index(["u", "v"])
    table = recommendation_table(fitted(), np.array([0, 1]), ids, lists, catalogue, 0.9)
    assert table["item"].tolist() == ["x", "y", "z"]
    assert table["rank"].tolist() == [1, 1, 2]


def test_users_are_found_in_the_order_asked_and_ids_that_yaml_reads_as_numbers() -> None:
    ids = {"users": ["1", "10", "7"], "items": []}
    assert find_users(ids, RecommendationSettings(users=[7, "1", 7])).tolist() == [2, 0]
    assert find_users(ids, RecommendationSettings()).tolist() == [0, 1, 2]
    with pytest.raises(InputError, match=r"'70' \(close: 7"):
        find_users(ids, RecommendationSettings(users="70"))


def test_a_model_that_takes_in_nobody_is_refused_with_those_that_can() -> None:
    settings = RecommendationSettings(newcomer={"x": 5})
    ratings = read_newcomers(None, ITEMS, IDS, TRAIN, VALIDATION, settings, SCALE)
    able = {"bias": fitted(), "sure": fitted(Sure)}
    with pytest.raises(InputError, match=r"sure cannot take in new people.*one that can: bias\."):
        recommend_to_newcomers(
            "sure", able["sure"], able, ratings, TRAIN, VALIDATION, IDS, ITEMS, settings
        )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": ["x"], "rating": ["5"]}, "no column 'title'; the file has 'name', 'rating'"),
        ({"item": ["x"], "rating": [""]}, "no rating in 1 rows"),
        ({"item": ["never"], "rating": ["4"]}, "row 1 (line 2), column 'item': nobody has rated"),
        ({"title": ["x"], "rating": ["4,5"]}, "column 'rating': the rating '4,5' of 'x' is not a"),
    ],
)
def test_mistakes_of_a_file_name_it_the_row_and_the_column(
    table: dict[str, list[str]], message: str
) -> None:
    frame = pd.DataFrame(table, dtype="str")
    frame.attrs = {"file": "my.csv", "first_line": 2}
    settings = RecommendationSettings()
    with pytest.raises(InputError) as caught:
        read_newcomers(frame, ITEMS, IDS, TRAIN, VALIDATION, settings, SCALE)
    assert "my.csv: " in str(caught.value)
    assert message in str(caught.value)


def measured(test: pd.DataFrame, **settings: Any) -> pd.DataFrame:
    known = {"bias": fitted(), "other": fitted()}
    given = RecommendationSettings(n=2, ranking=settings)
    return measure_ranking("bias", known, known, TRAIN, VALIDATION, test, IDS, given, SCALE)


def test_a_test_part_without_ratings_is_not_measured() -> None:
    test = pd.DataFrame({"user": ["c"], "item": ["x"], "rating": [np.nan]})
    table = measured(test)
    assert set(table["part"]) == {"validation"}
    assert table["n_users"].tolist() == [2, 2]
    # a has only z to find, b only y; z and new are left for a, y and new for b.
    assert table["recall"].tolist() == [1, 1]
    assert table["precision"].tolist() == [0.5, 1]
    table = measured(test.assign(rating=5.0), beside="all", at_most_users=1)
    assert table.groupby("part")["n_users"].unique().str[0].to_dict() == {
        "test": 1,
        "validation": 1,
    }
    assert set(table["model"]) == {"bias", "other"}


def test_where_nothing_is_liked_tables_and_charts_are_empty(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = measured(
        pd.DataFrame({"user": [], "item": [], "rating": []}), liked_share=1.0, beside=[]
    ).query("part == 'test'")
    assert table.empty
    spec = draw_ranking(table, protocol="all_unseen_items").to_dict()
    assert not any(spec["datasets"].values())


def test_a_table_that_is_too_large_is_left_out_with_its_estimate(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = RecommendationSettings(full_table={"at_most_megabytes": 1e-6})
    assert list(fill_full_table("bias", fitted(), IDS, settings)) == []
    assert "3 users x 4 items, 12 predictions of bias" in caplog.text
    assert "recommendation.full_table.at_most_megabytes" in caplog.text
    (block,) = fill_full_table("bias", fitted(), IDS, RecommendationSettings())
    assert block.column_names == ["user", *IDS["items"]]


# -- the dataset


class Blocks:
    """Two tables, or a failure after the first."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    def __iter__(self) -> Iterator[pa.Table]:
        yield pa.table({"user": ["a", "b"], "x": pa.array([1.0, 2.0], pa.float32())})
        if self.fails:
            raise RuntimeError("no more")
        yield pa.table({"user": ["c"], "x": pa.array([3.0], pa.float32())})


def test_blocks_become_row_groups_and_an_earlier_file_stays_until_all_is_there(
    tmp_path: Path,
) -> None:
    dataset = ParquetBlocks(filepath=str(tmp_path / "folder/table.parquet"))
    assert not dataset.exists()
    dataset.save(Blocks())
    assert pq.ParquetFile(dataset.path).num_row_groups == 2
    assert dataset.load()["user"].tolist() == ["a", "b", "c"]
    assert dataset.preview(2)["data"] == [["a", 1.0], ["b", 2.0]]
    with pytest.raises(Exception, match="no more"):
        dataset.save(Blocks(fails=True))
    assert len(dataset.load()) == 3
    assert list(dataset.path.parent.iterdir()) == [dataset.path]
    dataset.save([])
    assert not dataset.exists()


def test_settings_are_those_of_the_configuration() -> None:
    text = (ROOT / "conf/base/parameters_recommendation.yml").read_text()
    settings: dict[str, Any] = yaml.safe_load(text)["recommendation"]
    assert RecommendationSettings(**settings) == RecommendationSettings()
    assert set(settings) == set(RecommendationSettings.model_fields)
    for name in ("explain", "full_table", "ranking"):
        block = RecommendationSettings.model_fields[name].default
        assert set(settings[name]) == set(type(block).model_fields)
