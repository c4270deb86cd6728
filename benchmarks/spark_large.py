"""`kedro run` on Spark with 20 million ratings: seconds on the wall, and the leaderboard.

    python benchmarks/synthetic.py 20000000 --csv data/01_raw/ml-20m
    python benchmarks/spark_large.py [--master local[2]]

The first command makes ratings once, unless the real ones are there. The second writes the
environment `spark-20m`, that of Spark with another file, and runs it in a process of its own.
Needs pyspark and Java.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.timing import machine
from benchmarks.timing.contenders import ROOT
from benchmarks.timing.page import table

NAME = "spark-20m"
CONF = ROOT / "conf" / NAME
RATINGS = ROOT / "data/01_raw/ml-20m/ratings.csv"
LEADERBOARD = ROOT / f"data/08_reporting/{NAME}/leaderboard.csv"


def write_environment(master: str) -> None:
    shutil.copytree(ROOT / "conf/spark", CONF, dirs_exist_ok=True)
    catalog = yaml.safe_load((CONF / "catalog.yml").read_text())
    catalog["spark_ratings"]["filepath"] = str(RATINGS.relative_to(ROOT))
    catalog["spark_ratings"]["load_args"] = {"header": True}
    parameters = yaml.safe_load((CONF / "parameters.yml").read_text())
    parameters["scale"] = {"lowest": 0.5, "highest": 5}
    parameters["ingestion"]["columns"] = {"user": "userId", "item": "movieId", "rating": "rating"}
    session = yaml.safe_load((CONF / "spark.yml").read_text()) | {"spark.master": master}
    for name, content in (("catalog", catalog), ("parameters", parameters), ("spark", session)):
        (CONF / f"{name}.yml").write_text(yaml.safe_dump(content, sort_keys=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--master", default="local[2]", help="where Spark runs")
    options = parser.parse_args()
    write_environment(options.master)
    load = os.getloadavg()[0]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "kedro", "run", "--env", NAME], cwd=ROOT, check=True)
    seconds = time.perf_counter() - start
    board = pd.read_csv(LEADERBOARD)
    rows = [
        [
            f"`{row.model}`",
            f"{row.validation_rmse:.4f}",
            f"{row.test_rmse:.4f}",
            f"{row.fit_seconds:.0f}",
        ]
        for row in board.itertuples()
    ]
    print(
        f"{RATINGS.relative_to(ROOT)}, `{options.master}`, {machine.told(machine.describe())}, "
        f"load before {load:.1f}: the whole run took {seconds:.0f} s.\n\n"
        + table(("", "validation RMSE", "test RMSE", "fit s"), rows)
    )


if __name__ == "__main__":
    main()
