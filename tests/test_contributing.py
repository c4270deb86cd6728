"""One more of something takes as few files as CONTRIBUTING says, tried on a copy of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from .project import ROOT, make_project

Edits = dict[str, dict[str, str]]
"""By file below ``src/fivestar``: texts, each there once, and what takes their place."""

METRIC: Edits = {
    "metrics/errors.py": {
        "def gaussian_nll(": (
            "def within_one(actual: ArrayLike, predicted: ArrayLike) -> float:\n"
            '    """Fraction of the ratings that are predicted to within one."""\n'
            "    return _mean(lambda error: np.abs(error) <= 1, actual, predicted)\n\n\n"
            "def gaussian_nll("
        ),
    },
    "pipelines/evaluation/nodes.py": {
        "METRICS = (rmse, mse, mae)": "METRICS = (rmse, mse, mae, within_one)",
        '    "fallbacks",\n]': '    "fallbacks",\n    "test_within_one",\n]',
        "from fivestar.models import Model\n": (
            "from fivestar.metrics.errors import within_one\nfrom fivestar.models import Model\n"
        ),
    },
    "hooks/terminal.py": {
        '    "fallbacks": "fall-\\nbacks",\n': (
            '    "fallbacks": "fall-\\nbacks",\n    "test_within_one": "within\\none",\n'
        ),
    },
}
SPLIT: Edits = {
    "pipelines/splitting/methods.py": {
        '        case "random":\n': (
            '        case "first":\n'
            "            n = round(share * len(rows))\n"
            "            kept, held_out = np.arange(n, len(rows)), np.arange(n)\n"
            '        case "random":\n'
        ),
    },
    "pipelines/splitting/settings.py": {
        'Literal["stratified", "random",': 'Literal["first", "stratified", "random",',
    },
}


def run_with(edits: Edits, folder: Path, *arguments: str) -> tuple[Path, str]:
    """``kedro run`` of one model by edited sources: the project, and what the terminal showed."""
    assert len(edits) <= 3
    sources = Path(shutil.copytree(ROOT / "src", folder / "src"))
    for file, replacements in edits.items():
        path = sources / "fivestar" / file
        text = path.read_text(encoding="utf-8")
        for old, new in replacements.items():
            assert text.count(old) == 1, (file, old)
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    project = make_project(folder / "project")
    (project / "conf/demo/parameters_line_up.yml").write_text("line_up: [bias]\n")
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", *arguments],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(sources)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return project, done.stdout


@pytest.mark.slow
def test_one_metric_more_takes_three_files(tmp_path: Path) -> None:
    project, shown = run_with(METRIC, tmp_path)
    leaderboard = pd.read_csv(project / "data/08_reporting/demo/leaderboard.csv")
    predictions = pd.read_parquet(project / "data/07_model_output/demo/bias/predictions.parquet")
    test = predictions[predictions["part"] == "test"]
    close = ((test["rating"] - test["prediction"]).abs() <= 1).mean()
    assert leaderboard["test_within_one"].iloc[0] == pytest.approx(close)
    assert "within" in shown


@pytest.mark.slow
def test_one_split_method_more_takes_two_files(tmp_path: Path) -> None:
    project, _ = run_with(SPLIT, tmp_path, "--params", "splitting.method=first")
    ratings = pd.read_parquet(project / "data/03_primary/demo/ratings.parquet")
    test = pd.read_parquet(project / "data/05_model_input/demo/test.parquet")
    columns = ["user", "item", "rating"]
    pd.testing.assert_frame_equal(test[columns], ratings[columns].iloc[: len(test)])
