"""ALS of pyspark.ml beside ours, on the split that Spark has made of the demo.

    python benchmarks/spark.py

Fits on train and validation, predicts test, and prints RMSE and seconds of

* both without biases: the same objective, so the same error up to the starting point;
* Spark's on ratings that are centred by biases, which is what `kedro run --env spark` does;
* the `als` of the default line-up, whose biases are learnt with the factors.

Needs `kedro run --env spark` before, pyspark and Java.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from fivestar.models import build
from fivestar.ratings import Scale, csr_matrix
from fivestar.spark.models import build as build_on_spark
from fivestar.spark.session import start_session

PROJECT = Path(__file__).parents[1]
SPLIT = PROJECT / "data/05_model_input/spark"
CONF = PROJECT / "conf/spark"
COLUMNS = ["user_index", "item_index", "rating"]
SCALE = Scale(1, 5)
NO_BIAS = 1e9
"""A penalty that holds every bias at zero."""


def of_ours(block: dict[str, Any]) -> tuple[float, float]:
    """Test RMSE and seconds of a model of ours."""
    parts = [pd.read_parquet(SPLIT / f"{part}.parquet") for part in ("train", "validation")]
    train, test = pd.concat(parts), pd.read_parquet(SPLIT / "test.parquet")
    shape = [1 + max(train[index].max(), test[index].max()) for index in COLUMNS[:2]]
    ratings = csr_matrix(*(train[name].to_numpy() for name in COLUMNS), shape=tuple(shape))
    start = time.perf_counter()
    model = build(block)
    model.fit(ratings, scale=SCALE)
    seconds = time.perf_counter() - start
    predicted = model.predict(*(test[index].to_numpy() for index in COLUMNS[:2]))
    return rmse(predicted, test["rating"]), seconds


def of_spark(block: dict[str, Any]) -> tuple[float, float]:
    """Test RMSE and seconds of a model that Spark fits."""
    session = start_session(yaml.safe_load((CONF / "spark.yml").read_text()))
    train, validation, test = (
        session.read.parquet(str(SPLIT / f"{part}.parquet")).select(*COLUMNS)
        for part in ("train", "validation", "test")
    )
    start = time.perf_counter()
    model = build_on_spark(block, "als").fit(train.unionByName(validation))
    seconds = time.perf_counter() - start
    rows = model.predict(test).select("prediction", "rating").collect()
    predicted, ratings = np.array(rows, dtype=np.float64).T
    return rmse(predicted, ratings), seconds


def rmse(predicted: Any, ratings: Any) -> float:
    inside = np.clip(predicted, SCALE.lowest, SCALE.highest)
    return float(np.sqrt(np.mean((inside - np.asarray(ratings)) ** 2)))


def main() -> None:
    block = yaml.safe_load((CONF / "parameters.yml").read_text())["models"]["als"]
    block = {"family": "als", **block}
    same = {
        "count_exponent": 1,
        "bias_regularization": NO_BIAS,
        "init_scale": 0.2,
        "stopping": None,
        "bias_fallback": False,
    }
    of_spark(block)  # Java is slow until it has compiled what it runs
    for name, (error, seconds) in {
        "Spark's, without biases": of_spark(block | {"centre": "mean"}),
        "ours, without biases": of_ours(block | same),
        "Spark's, centred by biases": of_spark(block),
        "ours, biases learnt with it": of_ours({"family": "als"}),
    }.items():
        print(f"{name:<28} test RMSE {error:.4f}  {seconds:6.1f} s")


if __name__ == "__main__":
    main()
