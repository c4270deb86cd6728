"""The pipeline of recommendations on a small project: files, new users, mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from numpy.typing import NDArray
from scipy import sparse

from fivestar import models
from fivestar.analysis.explanation import REASON
from fivestar.datasets import ParquetBlocks
from fivestar.errors import InputError
from fivestar.models import Distribution, Model
from fivestar.models.baselines.bias import Bias
from fivestar.pipelines.recommendation.charts import draw_ranking
from fivestar.pipelines.recommendation.nodes import (
    COLUMNS,
    EXPLAINED,
    explain,
    find_users,
    make_recommender,
    measure_ranking,
    predict_all,
    read_new_users,
    recommend,
    recommend_to_new_users,
)
from fivestar.pipelines.recommendation.settings import RecommendationSettings
from fivestar.ratings import (
    Features,
    Indices,
    Scale,
    TrainingData,
    Vocabulary,
    csr_matrix,
    item_table,
)
from fivestar.recommender import Recommender
from fivestar.reporting.sentences import lines

from ..project import ROOT, make_project, run

ALS = {"n_factors": 4, "n_steps": 8, "init_scale": 0.1}
LINE_UP: dict[str, Any] = {"line_up": ["als", "bias"], "models": {"als": ALS}}
REASONS = {**{name: COLUMNS[name] for name in EXPLAINED}, **REASON}
DEFAULTS: dict[str, Any] = yaml.safe_load(
    (ROOT / "conf/base/parameters_recommendation.yml").read_text()
)["recommendation"]


def settings_with(**changes: Any) -> RecommendationSettings:
    """The defaults, with blocks changed in part."""
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(DEFAULTS[name], dict):
            changes[name] = {**DEFAULTS[name], **value}
    return RecommendationSettings(**{**DEFAULTS, **changes})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All jobs, by als; two new users, one with an empty cell, beside one on the command line."""
    project = make_project(tmp_path_factory.mktemp("recommendation"))
    run(project, params=LINE_UP)
    text = "user,title,rating\nAnn,film 3,5\nAnn,Film 7 (1960),2\nBob,Film 8,4\nBob,Film 9,\n"
    (project / "people.csv").write_text(text)
    settings = {"new_user": "Film 1=5; 3=4.5", "min_ratings": 5}
    params = {"new_users_file": "people.csv", "model": "als", "recommendation": settings}
    run(project, params={**LINE_UP, **params}, pipeline_names=["recommendation"])
    return project


def output(project: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(project / f"data/07_model_output/demo/{name}.parquet")


def seen_pairs(project: Path) -> set[tuple[str, str]]:
    parts = [
        pd.read_parquet(project / f"data/05_model_input/demo/{p}.parquet")
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


def test_prediction_matrix_holds_the_predictions_of_all_pairs(project: Path) -> None:
    table = output(project, "prediction_matrix")
    ids = TrainingData.load(project / "data/05_model_input/demo").vocabulary
    assert table.columns.tolist() == ["user", *ids.items]
    assert table["user"].tolist() == ids.users.tolist()
    assert set(table.dtypes.astype(str)[1:]) == {"float32"}
    model = models.load(project / "data/06_models/demo/als")
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


def test_new_users_get_recommendations_without_training(project: Path) -> None:
    table = output(project, "new_user_recommendations")
    assert table.dtypes.astype(str).to_dict() == COLUMNS
    assert list(dict.fromkeys(table["user"])) == ["new user", "Ann", "Bob"]
    own = {"new user": {"2", "3"}, "Ann": {"4", "8"}, "Bob": {"9"}}  # Film 3 is item 4
    for user, rows in table.groupby("user"):
        assert len(rows) == 10
        assert not own[str(user)] & set(rows["item"])
    reasons = output(project, "new_user_explanations")
    told = reasons[reasons["kind"] == "own rating"].groupby("user")["reason"].agg(set).to_dict()
    assert told == own
    exact = reasons.drop_duplicates(["user", "item"])
    np.testing.assert_allclose(exact["explained"].clip(1, 5), exact["prediction"], atol=1e-4)


def test_ranking_is_measured_by_both_protocols_on_both_parts(project: Path) -> None:
    table = pd.read_csv(project / "data/08_reporting/demo/ranking.csv")
    assert table.columns.tolist() == [
        *("model", "part", "protocol", "n", "n_users"),
        *("precision", "recall", "ndcg", "map", "coverage", "novelty"),
    ]
    assert table["model"].tolist() == (["als"] * 2 + ["bias"] * 2) * 2  # no item_mean trained
    assert len(table.drop_duplicates(["model", "part", "protocol"])) == 8
    shares = table[["precision", "recall", "ndcg", "map", "coverage"]]
    assert shares.ge(0).all(axis=None)
    assert shares.le(1).all(axis=None)
    for protocol in ("all_unseen_items", "only_rated_items"):
        path = project / f"data/08_reporting/demo/recommendation/ranking_{protocol}.json"
        spec = json.loads(path.read_text())
        assert "demo, split " in spec["title"]["subtitle"][1]
        (bars,) = spec["datasets"].values()
        assert {bar["model"] for bar in bars} == {"als", "bias"}


def test_a_second_run_leaves_out_what_is_too_large_and_nobody_new(project: Path) -> None:
    settings = {"users": "3; 1", "n": 2, "prediction_matrix": {"max_megabytes": 0}}
    params = {**LINE_UP, "model": "bias", "recommendation": settings}
    run(
        project,
        params=params,
        pipeline_names=["recommendation"],
        tags=["top", "table", "new_users"],
    )
    assert not (project / "data/07_model_output/prediction_matrix.parquet").exists()
    assert output(project, "recommendations")["user"].tolist() == ["3", "3", "1", "1"]
    for name, columns in (("recommendations", COLUMNS), ("explanations", REASONS)):
        table = output(project, f"new_user_{name}")
        assert table.empty
        assert table.columns.tolist() == list(columns)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"users": "1; 100x; 7"}, "recommendation.users: no such user: '100x'"),
        ({"new_user": "Film 3"}, "'Film 3' is no title with a rating"),
        ({"new_user": "Film 3=9; Gone=4"}, "outside the scale 1 to 5"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    project: Path, settings: dict[str, Any], message: str
) -> None:
    before = (project / "data/08_reporting/demo/ranking.csv").stat().st_mtime_ns
    params = {**LINE_UP, "recommendation": settings}
    with pytest.raises(Exception, match=message):
        run(project, params=params, pipeline_names=["recommendation"])
    assert (project / "data/08_reporting/demo/ranking.csv").stat().st_mtime_ns == before


# -- nodes


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


def ratings_of(users: list[int], items: list[int], ratings: list[float]) -> sparse.csr_array:
    return csr_matrix(np.array(users), np.array(items), np.array(ratings), (3, 4))


IDS = Vocabulary(pd.Index(list("abc"), dtype="str"), pd.Index(["x", "y", "z", "new"], dtype="str"))
DATA = TrainingData(
    ratings_of([0, 0, 1, 1], [0, 1, 0, 2], [5, 3, 4, 2]),
    ratings_of([0, 1], [2, 1], [4, 5]),
    IDS,
    Features(sparse.csr_array((3, 0)), sparse.csr_array((4, 0))),
    Scale(1, 5),
    "small",
)
ITEMS = item_table(pd.DataFrame({"item": ["x", "y", "z", "new"]}), DATA)


def fitted(kind: type[Model] = Bias) -> Model:
    model = kind()
    model.fit(DATA.train, scale=DATA.scale)
    model.trained_on = DATA.identity
    return model


def recommender_of(
    kind: type[Model] = Bias, items: pd.DataFrame = ITEMS, **settings: Any
) -> tuple[Recommender, RecommendationSettings]:
    given = settings_with(**{"min_ratings": 1, **settings})
    return make_recommender("bias", fitted(kind), DATA, items, given), given


def test_without_titles_the_id_is_the_title_and_cold_users_get_the_highest_means() -> None:
    recommender, settings = recommender_of(n=2)
    table = recommend(recommender, list("abc"), settings)
    assert table[["user", "item", "title"]].to_numpy().tolist() == [
        ["c", "x", "x"],
        ["c", "y", "y"],
    ]  # a and b have seen all items that anybody rated
    assert table["year"].isna().all()


def test_intervals_are_those_of_the_model() -> None:
    recommender, settings = recommender_of(Sure, n=2, coverage=0.5)
    table = recommend(recommender, list("abc"), settings)
    assert table["lower"].tolist() == [2, 2]
    assert table["upper"].tolist() == [2.5, 2.5]
    assert "2 to 2.5" in lines(table)


def test_where_no_item_has_enough_ratings_nothing_is_recommended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recommender, settings = recommender_of(min_ratings=9)
    table = recommend(recommender, list("abc"), settings)
    assert table.empty
    assert "set `min_ratings` to 2 at the most" in caplog.text
    assert explain(recommender, table, settings).dtypes.astype(str).to_dict() == REASONS


def test_titles_that_lack_and_years_are_kept_apart() -> None:
    years = pd.array([2001, None], "Int64")
    side = pd.DataFrame({"item": ["x", "y"], "title": ["Über {x}", None], "year": years})
    recommender, settings = recommender_of(items=item_table(side, DATA), n=2)
    table = recommend(recommender, ["c"], settings)
    assert table["title"].tolist() == ["Über {x}", "y"]
    assert table["year"].isna().tolist() == [False, True]
    assert table["rank"].tolist() == [1, 2]


def test_users_are_found_in_the_order_asked_and_ids_that_yaml_reads_as_numbers() -> None:
    assert find_users(DATA, settings_with(users=["c", "a", "c"])) == ["c", "a"]
    assert find_users(DATA, settings_with()) == ["a", "b", "c"]
    numbers = Vocabulary(pd.Index(["1", "10", "7"], dtype="str"), IDS.items)
    data = replace(DATA, vocabulary=numbers)
    assert find_users(data, settings_with(users=[7, "1", 7])) == ["7", "1"]
    with pytest.raises(InputError, match=r"'70'. Did you mean '7'"):
        find_users(data, settings_with(users="70"))


def test_a_model_that_takes_in_nobody_is_refused_with_those_that_can() -> None:
    recommender, settings = recommender_of(Sure, new_user={"x": 5})
    ratings = read_new_users(None, DATA, ITEMS, settings)
    able = {"bias": fitted(), "sure": fitted(Sure)}
    with pytest.raises(InputError, match=r"cannot take in new users.*one that can: bias\."):
        recommend_to_new_users(recommender, able, ratings, settings)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": ["x"], "rating": ["5"]}, "no column 'title'; the file has 'name', 'rating'"),
        ({"item": ["x"], "rating": [""]}, "no rating in 1 rows"),
        ({"item": ["new"], "rating": ["4"]}, "row 1 (line 2), column 'item': nobody has rated"),
        ({"title": ["x"], "rating": ["4,5"]}, "column 'rating': the rating '4,5' of 'x' is not a"),
    ],
)
def test_mistakes_of_a_file_name_it_the_row_and_the_column(
    table: dict[str, list[str]], message: str
) -> None:
    frame = pd.DataFrame(table, dtype="str")
    frame.attrs = {"file": "my.csv", "first_line": 2}
    with pytest.raises(InputError) as caught:
        read_new_users(frame, DATA, ITEMS, settings_with())
    assert "my.csv: " in str(caught.value)
    assert message in str(caught.value)


def measured(test: pd.DataFrame, **ranking: Any) -> pd.DataFrame:
    known = {"bias": fitted(), "other": fitted()}
    recommender, settings = recommender_of(n=2, ranking=ranking)
    return measure_ranking(recommender, known, known, test, settings)


def test_a_test_split_without_ratings_is_not_measured() -> None:
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


def test_test_ratings_of_unknown_ids_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    test = pd.DataFrame({"user": ["c", "c"], "item": ["x", "unheard of"], "rating": [5.0, 5.0]})
    table = measured(test).query("part == 'test'")
    assert table["recall"].tolist() == [1, 1]
    assert "left out 1 test ratings of unknown ids" in caplog.text


def test_where_nothing_is_liked_tables_and_charts_are_empty() -> None:
    table = measured(
        pd.DataFrame({"user": [], "item": [], "rating": []}), liked_share=1.0, beside=[]
    ).query("part == 'test'")
    assert table.empty
    spec = draw_ranking(table, DATA, protocol="all_unseen_items").to_dict()
    assert not any(spec["datasets"].values())


def test_a_prediction_matrix_that_is_too_large_is_left_out_with_its_estimate(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recommender, settings = recommender_of(prediction_matrix={"max_megabytes": 1e-6})
    assert list(predict_all(recommender, settings)) == []
    assert "3 users x 4 items by bias, about 0.0 MB" in caplog.text
    assert "recommendation.prediction_matrix.max_megabytes" in caplog.text
    (block,) = predict_all(recommender, settings_with())
    assert block.column_names == ["user", *IDS.items]


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
