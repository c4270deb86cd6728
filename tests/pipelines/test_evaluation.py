"""Which models differ: the tables, the chart, and the terminal."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from fivestar.errors import InputError
from fivestar.hooks.terminal import show
from fivestar.metrics import rmse
from fivestar.metrics.significance import corrected_t_test, holm
from fivestar.pipelines.evaluation.charts import draw_differences, draw_leaderboard
from fivestar.pipelines.evaluation.differences import (
    compare_pairs,
    differences_over_folds,
    sum_by_user,
)
from fivestar.pipelines.evaluation.nodes import COLUMNS as PREDICTED
from fivestar.pipelines.evaluation.nodes import compare, measure, rank
from fivestar.pipelines.evaluation.settings import EvaluationSettings
from fivestar.ratings import Features, TrainingData, Vocabulary

from ..models.behaviour import SCALE, planted

COLUMNS = [
    *("model_a", "model_b", "difference", "low", "high"),
    *("p_value", "p_holm", "significant"),
]
ADDED = ["test_rmse_low", "test_rmse_high", "differs_from_champion"]
SETTINGS = EvaluationSettings(confidence=0.95, n_resamples=999, seed=0)
ERRORS = {"best": 0.5, "same": 0.5, "twin": 0.5, "worst": 0.9}
"""Standard deviations of the models' errors; ``twin`` is ``same`` once more."""


def predictions(*, known: bool = True) -> dict[str, pd.DataFrame]:
    """Of 40 users, with a validation part that is not to be read."""
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame({"user": rng.integers(0, 40, 600).astype(str), "item": "7"})
    pairs = pairs.assign(rating=3.0 if known else np.nan, fallback=False)
    tables = {}
    for name, error in ERRORS.items():
        test = pairs.assign(part="test", prediction=3 + error * rng.normal(size=600))
        validation = pairs.assign(part="validation", rating=3.0, prediction=99.0)
        tables[name] = pd.concat([test, validation])[PREDICTED]
    return tables | {"twin": tables["same"]}


def ranked(*models: str) -> pd.DataFrame:
    return pd.DataFrame({"model": models, "validation_rmse": np.arange(len(models)) + 1.0})


def compared(
    tables: dict[str, pd.DataFrame], settings: EvaluationSettings = SETTINGS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leaderboard and differences."""
    by_user = {name: sum_by_user(table) for name, table in tables.items()}
    return compare_pairs(ranked(*ERRORS), by_user, settings)


def test_every_pair_is_there_once_the_better_on_validation_first() -> None:
    tables = predictions()
    leaderboard, differences = compared(tables)
    assert differences.columns.tolist() == COLUMNS
    assert list(zip(differences["model_a"], differences["model_b"], strict=True)) == list(
        combinations(ERRORS, 2)
    )
    errors = {
        name: rmse(test["rating"], test["prediction"])
        for name, table in tables.items()
        for test in [table[table["part"] == "test"]]
    }
    expected = [errors[a] - errors[b] for a, b in combinations(ERRORS, 2)]
    np.testing.assert_allclose(differences["difference"], expected, atol=1e-12)
    assert differences["difference"].between(differences["low"], differences["high"]).all()
    np.testing.assert_array_equal(differences["p_holm"], holm(differences["p_value"]))
    low, high = leaderboard["test_rmse_low"], leaderboard["test_rmse_high"]
    assert leaderboard["model"].map(errors).between(low, high).all()


def test_what_differs_by_holm_is_significant_and_identical_models_do_not() -> None:
    leaderboard, differences = compared(predictions())
    pairs = differences.set_index(["model_a", "model_b"])
    assert pairs["significant"].tolist() == (pairs["p_holm"] <= 0.05).tolist()
    assert pairs["significant"][lambda real: real].index.tolist() == [
        (name, "worst") for name in ("best", "same", "twin")
    ]
    assert pairs.loc[("same", "twin"), COLUMNS[2:6]].tolist() == [0, 0, 0, 1]
    assert leaderboard["differs_from_champion"].tolist() == [False, False, False, True]


def test_the_same_predictions_give_the_same_tables() -> None:
    for first, second in zip(compared(predictions()), compared(predictions()), strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_where_no_test_rating_is_known_the_columns_are_empty() -> None:
    leaderboard, differences = compared(predictions(known=False))
    assert differences.columns.tolist() == COLUMNS
    assert differences.empty
    assert leaderboard[ADDED].isna().all(axis=None)


def test_a_failed_model_is_left_out() -> None:
    measured = {
        name: measure({"validation_rmse": error}, predictions()[name])
        for name, error in ERRORS.items()
    }
    failed = measure({"failure": "too wild"}, pd.DataFrame(columns=PREDICTED))
    leaderboard, differences = compare(SETTINGS, failed=failed, **measured)
    assert sorted(leaderboard["model"]) == sorted(ERRORS)
    assert len(differences) == 6
    with pytest.raises(InputError, match="failed: too wild"):
        compare(SETTINGS, failed=failed)


def test_one_model_alone_has_an_interval_and_no_pair() -> None:
    by_user = sum_by_user(predictions()["best"])
    leaderboard, differences = compare_pairs(ranked("best"), {"best": by_user}, SETTINGS)
    assert differences.empty
    assert leaderboard["differs_from_champion"].tolist() == [False]
    assert leaderboard["test_rmse_low"][0] < 0.5 < leaderboard["test_rmse_high"][0]


def test_predictions_of_other_pairs_are_refused() -> None:
    tables = predictions()
    tables["worst"] = tables["worst"].iloc[1:]
    with pytest.raises(ValueError, match="other test pairs"):
        compared(tables)


def test_many_pairs_get_resamples_enough_to_be_significant() -> None:
    better, worse = predictions()["best"], predictions()["worst"]
    models = {f"model_{n}": sum_by_user(worse if n else better) for n in range(12)}
    _, differences = compare_pairs(ranked(*models), models, SETTINGS)
    assert differences["significant"].sum() == 11


def test_differences_over_folds_are_those_of_the_corrected_t_test() -> None:
    errors = {"b": [0.9, 0.93, 0.91, 0.92, 0.9], "a": [0.88, 0.9, 0.89, 0.89, 0.87]}
    folds = pd.DataFrame(
        [(name, fold, error) for name in errors for fold, error in enumerate(errors[name])],
        columns=["model", "fold", "rmse"],
    )
    (row,) = differences_over_folds(folds, 0.9).to_dict("records")
    assert list(row) == COLUMNS
    values = np.subtract(errors["a"], errors["b"])
    expected = (values.mean(), *corrected_t_test(values, 1 / 4, 0.9))
    np.testing.assert_allclose([row[name] for name in COLUMNS[2:6]], expected)
    assert (row["model_a"], row["model_b"], row["significant"]) == ("a", "b", True)

    resampled = folds.assign(n_train=100, n_test=50)
    wider = differences_over_folds(resampled, 0.9).iloc[0]
    np.testing.assert_allclose(wider["p_value"], corrected_t_test(values, 1 / 2, 0.9)[2])


def test_a_model_that_failed_on_a_fold_is_compared_on_the_others() -> None:
    folds = pd.DataFrame({"model": [*"aaab"], "fold": [1, 2, 3, 2], "rmse": [0.5, 0.6, 0.7, 0.9]})
    (row,) = differences_over_folds(folds, 0.95).to_dict("records")
    assert (row["difference"], row["p_value"]) == (pytest.approx(-0.3), 1)
    assert np.isnan(row["low"])


def some_data() -> TrainingData:
    train, validation = planted(40, 30)
    ids = (pd.Index([str(n) for n in range(size)]) for size in train.shape)
    sides = (sparse.csr_array((size, 0), dtype=np.float32) for size in train.shape)
    return TrainingData(train, validation, Vocabulary(*ids), Features(*sides), SCALE, "demo")


def cells(known: bool = True) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    leaderboard, differences = compared(predictions(known=known))
    chart = draw_differences(differences, leaderboard, some_data()).to_dict()
    return chart, [row for rows in chart["datasets"].values() for row in rows]


def test_the_chart_shows_each_pair_from_both_sides() -> None:
    chart, rows = cells()
    assert chart["title"]["subtitle"][-1].startswith("demo, split ")
    assert len(rows) == len(ERRORS) * (len(ERRORS) - 1)
    by_pair = {(row["model"], row["other"]): row for row in rows}
    one, other = by_pair["best", "worst"], by_pair["worst", "best"]
    assert one["difference"] == -other["difference"] < 0
    assert (one["low"], one["high"]) == (-other["high"], -other["low"])
    assert one["size"] == other["size"] == f"{other['difference']:.3f}"[1:]


def test_the_chart_of_unknown_test_ratings_is_empty() -> None:
    assert cells(known=False)[1] == []


def test_the_terminal_marks_who_does_not_differ(capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["validation_mae", "test_rmse", "test_mae", "train_rmse", "fit_seconds"]
    board = compared(predictions())[0].assign(**dict.fromkeys(columns, 0.5))
    show(board.assign(n_parameters=1, fallbacks=0), some_data(), submission=None)
    shown = capsys.readouterr().out
    for model, mark in {"best": " ", "same": "=", "worst": " "}.items():
        (line,) = [line for line in shown.splitlines() if line.startswith(f" {model} ")]
        assert f"0.5000{mark} " in line
    row = board.iloc[0]
    assert f"{row['test_rmse_low']:.4f}-{row['test_rmse_high']:.4f}" in shown
    assert "= The test RMSE does not differ significantly" in shown


def test_models_that_use_times_follow_after_all_others(capsys: pytest.CaptureFixture[str]) -> None:
    errors = {"bias": 0.9, "clock": 0.8, "als": 0.85}
    board = rank(
        {
            name: {"validation_rmse": error, "test_rmse": error, "n_parameters": 1, "fallbacks": 0}
            | ({"uses_times": True} if name == "clock" else {})
            for name, error in errors.items()
        }
    )
    assert board["model"].tolist() == ["als", "bias", "clock"]
    board = board.assign(**dict.fromkeys(ADDED, np.nan)).fillna({"differs_from_champion": 1})
    chart = draw_leaderboard(board, some_data(), time_aware=["clock"]).to_dict()
    (rows,) = chart["datasets"].values()
    assert {row["model"] for row in rows} == {"als", "bias", "\u23f1 clock"}
    assert any("told when" in line for line in chart["title"]["subtitle"])
    show(board, some_data(), submission=None, time_aware=["clock"])
    lines = capsys.readouterr().out.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith(" clock ")]
    assert lines[at - 2].startswith(" bias ")
    assert lines[at - 1].strip() == ""
    assert any(line.startswith("Below the line: told when") for line in lines)
