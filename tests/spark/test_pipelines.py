"""The stages on Spark: checks, splits, models, and a whole run that the driver never holds."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fivestar.errors import InputError
from fivestar.models.factorization.als import ALS
from fivestar.pipelines.ingestion.settings import IngestionSettings
from fivestar.pipelines.splitting.settings import SplittingSettings
from fivestar.ratings import Scale, csr_matrix
from fivestar.spark.session import require_spark, start_session

from ..project import ROOT, make_project, mlflow_runs, run

try:
    require_spark()
except InputError as missing:
    pytest.skip(str(missing), allow_module_level=True)

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fivestar.pipelines.spark.ingestion import clean_ratings
from fivestar.pipelines.spark.recommendation import best_unrated
from fivestar.pipelines.spark.splitting import index_ids, split
from fivestar.spark.factor_model import FactorModel
from fivestar.spark.models import build
from fivestar.spark.tables import numbered

Spark = SparkSession
STARS = Scale(1, 5)
SETTINGS = {
    "spark.master": "local[2]",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.maxResultSize": "1m",
    "spark.sql.shuffle.partitions": 2,
    "spark.ui.enabled": False,
    "spark.ui.showConsoleProgress": False,
    "spark.log.level": "OFF",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # compiles for a short life
}
QUICK: dict[str, Any] = {
    "line_up": ["item_mean", "als"],
    "models": {"als": {"n_factors": 4, "n_steps": 2, "regularization": 0.2}},
}


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    logging.getLogger("py4j").setLevel(logging.WARNING)
    with pytest.MonkeyPatch.context() as patch:
        # Tables are made of Python's rows here, by workers that have to be of the same version.
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = start_session(SETTINGS)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def ratings(spark: Spark) -> DataFrame:
    """The 100,000 ratings of the demo, with indices."""
    demo = ROOT / "data/01_raw/demo/ml-100k.inter"
    if not demo.exists():
        pytest.skip("the demo is not there: python -m fivestar.download demo")
    table = spark.read.csv(str(demo), sep="\t", header=True)
    named = table.select(
        F.col("user_id:token").alias("user"),
        F.col("item_id:token").alias("item"),
        F.col("rating:float").cast("double").alias("rating"),
    )
    return named.persist()


@pytest.fixture(scope="module")
def some(ratings: DataFrame) -> DataFrame:
    """Those of about a fifth of the users."""
    return ratings.filter("user < 200").repartition(2).persist()


@pytest.fixture(scope="module")
def parts(some: DataFrame) -> tuple[DataFrame, ...]:
    ids = (index_ids(some, column=column) for column in ("user", "item"))
    return tuple(part.persist() for part in split(some, *ids, splitting()))


def splitting() -> SplittingSettings:
    return SplittingSettings(
        method="stratified", test_share=0.1, validation_share=0.25, half_life_days=None, seed=42
    )


def ingestion(**changes: Any) -> IngestionSettings:
    columns = {"user": "u", "item": "i", "rating": "r"}
    given = {"columns": columns, "duplicates": "error", "test_duplicates": "error", "k_core": 0}
    return IngestionSettings.model_validate({**given, **changes})


def raw(spark: Spark, *rows: tuple[str | None, ...]) -> DataFrame:
    good = [(str(user), str(item), "4") for user in range(3) for item in range(2)]
    return spark.createDataFrame([*good, *rows], "u string, i string, r string")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((None, "7", "3"), r"'u': an empty id in 1 row \(user '', item '7', rating '3'\)"),
        (("7", " ", "3"), "'i': an empty id in 1 row"),
        (("7", "7", ""), "'r': no rating in 1 row"),
        (("7", "7", "four"), "'r': not a number in 1 row .*'four'.*Write numbers such as"),
        (("7", "7", "NaN"), "'r': not a finite number in 1 row"),
        (("7", "7", "9"), r"'r': outside the scale 1 to 5 in 1 row .*'9'.*set `scale`"),
        (
            ("2", "1", "5"),
            "1 row repeats .*user '2' and item '1' with ratings .*set `ingestion.dup",
        ),
    ],
)
def test_a_mistake_in_the_ratings_is_told_with_its_row_and_the_fix(
    spark: Spark, row: tuple[str, ...], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        clean_ratings(raw(spark, row), ingestion(), STARS)


def test_repeated_pairs_are_averaged_where_that_is_asked_for(spark: Spark) -> None:
    clean = clean_ratings(raw(spark, ("2", "1", "5")), ingestion(duplicates="mean"), STARS)
    assert {(r.user, r.item): r.rating for r in clean.collect()}[("2", "1")] == 4.5


def test_a_column_that_is_not_there_is_named(spark: Spark) -> None:
    with pytest.raises(InputError, match=r"no column 'i'; the file has 'u', 'r'"):
        clean_ratings(raw(spark).drop("i"), ingestion(), STARS)


@pytest.mark.parametrize("changes", [{"duplicates": "last"}, {"k_core": 5}])
def test_settings_that_spark_does_not_have_are_refused(
    spark: Spark, changes: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=f"ingestion.{next(iter(changes))}"):
        clean_ratings(raw(spark), ingestion(**changes), STARS)


def test_rows_are_numbered_in_order_whatever_their_partitions(spark: Spark) -> None:
    table = spark.range(1000, numPartitions=7).select(F.col("id").alias("value"))
    found = numbered(table.orderBy(F.rand(1)), ["value"], "number").collect()
    assert all(row.value == row.number for row in found)


def test_every_item_gives_its_share_to_each_part_and_keeps_one_in_train(
    some: DataFrame, parts: tuple[DataFrame, ...]
) -> None:
    sizes = [part.groupBy("item").count().toDF("item", "n") for part in (*parts, some)]
    counts = pd.concat(
        [
            pd.DataFrame(each.collect(), columns=["item", "n"]).set_index("item")["n"]
            for each in sizes
        ],
        axis=1,
        keys=["train", "validation", "test", "all"],
    ).fillna(0)
    assert (counts[["train", "validation", "test"]].sum(axis=1) == counts["all"]).all()
    assert (counts["train"] >= 1).all()
    assert ((counts["test"] - 0.1 * counts["all"]).abs() <= 1).all()
    shares = counts.sum() / counts["all"].sum()
    assert shares["test"] == pytest.approx(0.1, abs=0.01)
    assert shares["validation"] == pytest.approx(0.225, abs=0.01)


def test_the_split_is_the_same_whatever_the_partitions_and_the_order(
    some: DataFrame, parts: tuple[DataFrame, ...]
) -> None:
    shuffled = some.orderBy(F.rand(3)).repartition(5)
    ids = (index_ids(shuffled, column=column) for column in ("user", "item"))
    for again, part in zip(split(shuffled, *ids, splitting()), parts, strict=True):
        assert again.count() == part.count()
        assert again.exceptAll(part).count() == 0


def test_als_of_spark_predicts_as_well_as_ours_without_biases(
    parts: tuple[DataFrame, ...],
) -> None:
    train, _, test = parts
    settings = {"n_factors": 4, "regularization": 0.2, "n_steps": 6}
    model = build({"family": "als", "centre": "mean", **settings}, "als").fit(train)
    error = F.greatest(F.least("prediction", F.lit(5.0)), F.lit(1.0)) - F.col("rating")
    predicted = model.predict(test).agg(F.avg(error**2)).first()
    assert predicted is not None
    users, items, stars = arrays(train)
    shape = users.max() + 1, items.max() + 1
    ours = ALS(
        **settings,
        count_exponent=1,
        bias_regularization=1e9,
        init_scale=0.3,
        stopping=None,
        bias_fallback=False,
    )
    ours.fit(csr_matrix(users, items, stars, shape), scale=STARS)
    users, items, stars = arrays(test)
    of_ours = np.sqrt(np.mean((ours.predict(users, items) - stars) ** 2))
    assert math.sqrt(predicted[0]) == pytest.approx(of_ours, abs=0.01)


def test_recommended_are_the_best_items_that_a_user_has_not_rated(spark: Spark) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(40, 3))
    rated = np.argwhere(rng.random((20, 40)) < np.linspace(0.05, 0.7, 20)[:, None])
    sides = [
        spark.createDataFrame(
            [(n, row.tolist()) for n, row in enumerate(side)], "id int, features array<float>"
        )
        for side in (x, y)
    ]
    table = spark.createDataFrame(rated.tolist(), "user_index int, item_index int")
    found = best_unrated(FactorModel(3.0, *sides), table, 5).collect()
    score = x @ y.T
    score[rated[:, 0], rated[:, 1]] = -np.inf
    best = np.argsort(-score, axis=1)[:, :5]
    assert len(found) == best.size
    assert all(best[row.user_index, row["rank"] - 1] == row.item_index for row in found)


@pytest.mark.slow
def test_a_whole_run_sends_the_driver_less_than_the_ratings(
    spark: Spark, ratings: DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(Py4JJavaError, match="maxResultSize"):
        ratings.collect()
    project = make_project(tmp_path / "project")
    raw_file = project / "data/01_raw/demo/ml-100k.inter"
    raw_file.write_bytes((ROOT / "data/01_raw/demo/ml-100k.inter").read_bytes())
    run(project, env="spark", params=QUICK)

    output = project / "data/07_model_output/spark"
    leaderboard = pd.read_csv(project / "data/08_reporting/spark/leaderboard.csv")
    assert leaderboard.columns.tolist() == [
        *("model", "validation_rmse", "validation_mae", "test_rmse", "test_mae", "train_rmse"),
        *("n_parameters", "fit_seconds", "fallbacks"),
        *("test_rmse_low", "test_rmse_high", "differs_from_champion"),
    ]
    predictions = pd.read_parquet(output / "als/predictions.parquet")
    columns = ["part", "user", "item", "rating", "prediction", "fallback"]
    assert predictions.columns.tolist() == columns
    held_out = predictions[predictions["part"] == "test"]
    error = np.sqrt(np.mean((held_out["prediction"] - held_out["rating"]) ** 2))
    assert leaderboard.set_index("model").loc["als", "test_rmse"] == pytest.approx(error)

    submission = pd.read_csv(output / "submission.csv")
    assert submission.columns.tolist() == ["ID", "Rating"]
    assert submission["ID"].tolist() == list(range(len(held_out)))
    test = pd.read_parquet(project / "data/05_model_input/spark/test.parquet").sort_values("id")
    champion = pd.read_parquet(output / leaderboard["model"][0] / "predictions.parquet")
    wanted = test.merge(champion[champion["part"] == "test"], "left", ["user", "item"])
    assert submission["Rating"].to_numpy() == pytest.approx(wanted["prediction"], abs=1e-5)

    runs = {found.info.run_name: found for found in mlflow_runs(project)}
    assert set(runs) == {"item_mean", "als"}
    assert runs["als"].data.params["n_factors"] == "4"
    assert runs["als"].data.metrics["test_rmse"] == pytest.approx(error)
    assert runs["als"].info.status == "FINISHED"
    assert runs["als"].data.tags["fingerprint"]

    written = output.joinpath("submission.csv").stat().st_mtime_ns
    run(project, env="spark", params=QUICK, only_missing_outputs=True)
    assert output.joinpath("submission.csv").stat().st_mtime_ns == written
    assert len(mlflow_runs(project)) == 2


def arrays(table: DataFrame) -> list[np.ndarray[Any, Any]]:
    """Users, items and ratings; by parts, for the driver takes no more at a time."""
    columns = ("user_index", "item_index", "rating")
    rows = list(table.select(*columns).repartition(4).toLocalIterator())
    return [np.array([row[column] for row in rows]) for column in columns]
