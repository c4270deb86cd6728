"""How the models were set, and the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from fivestar.models import Model
from fivestar.pipelines.exploration.page import summary_table
from fivestar.pipelines.report.people import BEST, RATED, WORST
from fivestar.pipelines.splitting.nodes import SplittingSettings
from fivestar.reporting.charts import Chart
from fivestar.reporting.page import Picture, Section, Table, Text, render

FOUR, TWO = "{:.4f}".format, "{:.2f}".format
HEADINGS = {
    **{f"{part}_rmse": f"{part} RMSE" for part in ("validation", "test", "train")},
    **{f"{part}_mae": f"{part} MAE" for part in ("validation", "test")},
    "n_parameters": "free parameters",
    "fit_seconds": "fit, seconds",
}
LISTS = {
    RATED: ("What they rated highest", {"title": "", "rating": "gave", "prediction": "predicted"}),
    BEST: ("Best of what they have not rated", {"title": "", "prediction": "predicted"}),
    WORST: ("Worst of what they have not rated", {"title": "", "prediction": "predicted"}),
}
CHOSEN = (
    "Models are ranked by their error on validation ratings, which they were not trained on. "
    "Test ratings are read once, to report, by models trained again on train and validation."
)
CALIBRATED = (
    "A calibrated model's points lie on the diagonal: of the ratings that it predicts at 4 stars, "
    "the mean is 4 stars."
)


def describe_models(trained_models: Mapping[str, Model], leaderboard: pd.DataFrame) -> pd.DataFrame:
    """``model``, ``family`` and all ``settings`` of the final models, the best model first."""
    rows = []
    for name in leaderboard["model"]:
        if name not in trained_models:
            continue
        model = trained_models[name]
        settings = ", ".join(f"{key} {_plain(value)}" for key, value in model.settings.items())
        rows.append({"model": name, "family": model.family, "settings": settings})
    return pd.DataFrame(rows, columns=["model", "family", "settings"])


def write_report(
    dataset: str,
    summary: dict[str, Any],
    stars: Chart,
    item_means: Chart,
    leaderboard: pd.DataFrame,
    leaderboard_chart: Chart,
    curves: Chart,
    late_curves: Chart,
    inspected_name: str,
    calibration: Chart,
    residuals: Chart,
    chosen_name: str,
    people: pd.DataFrame,
    models: pd.DataFrame,
    splitting: SplittingSettings,
    provenance: dict[str, str],
) -> str:
    """The page, out of what the other pipelines have made."""
    champion = leaderboard.iloc[0]
    lead = (
        f"{dataset}: {summary['n_ratings']:,} ratings to learn from. The best of "
        f"{len(leaderboard)} models is {champion['model']}, with an RMSE of "
        f"{champion['validation_rmse']:.4f} stars on validation"
    )
    if pd.notna(champion["test_rmse"]):
        lead += f" and {champion['test_rmse']:.4f} on test"
    sections = [
        Section(
            "Training data",
            [
                summary_table(summary),
                Picture(stars, name="stars"),
                Picture(item_means, "Point at an item for its title.", "item_means", wide=True),
            ],
        ),
        Section(
            "Models",
            [Text([CHOSEN]), _leaderboard(leaderboard), Picture(leaderboard_chart, "", "models")],
        ),
        Section("Learning", _learning(curves, late_curves)),
        Section(
            f"Errors of {inspected_name}",
            [Picture(calibration, CALIBRATED, "calibration"), Picture(residuals, "", "residuals")],
        ),
        Section(f"Recommendations by {chosen_name}", _people(people)),
        Section("How it was made", _made(models, splitting, provenance)),
    ]
    return render(f"Fivestar: {dataset}", f"{lead}.", sections)


def _leaderboard(leaderboard: pd.DataFrame) -> Table:
    known = leaderboard.dropna(axis="columns", how="all")
    formats = {name: FOUR for name in HEADINGS if name.endswith(("rmse", "mae"))}
    return Table(known, "", formats | {"fit_seconds": "{:.1f}".format}, HEADINGS)


def _learning(curves: Chart, late_curves: Chart) -> list[Picture]:
    """The second picture only where a model learnt for so long."""
    drawn = any(late_curves.to_dict()["datasets"].values())
    pictures = [Picture(curves, "", "curves"), Picture(late_curves, "", "late_curves")]
    return pictures if drawn else pictures[:1]


def _people(people: pd.DataFrame) -> list[Text | Table]:
    parts: list[Text | Table] = []
    for user, rows in people.groupby("user", sort=False):
        first = rows.iloc[0]
        mean = f"{first['mean_rating']:.2f} stars on average"
        parts.append(Text([f"User {user}: {first['n_ratings']:,} ratings, {mean}."]))
        for name, (caption, headings) in LISTS.items():
            table = rows.loc[rows["list"] == name, list(headings)]
            bounds = rows.loc[table.index, ["lower", "upper"]]
            if name != RATED and bounds.notna().all(axis=None):
                table = table.assign(
                    interval=[f"{a:g} to {b:g}" for a, b in bounds.round(1).values]
                )
            formats = {"rating": "{:g}".format, "prediction": TWO}
            known_as = headings | {"title": caption, "interval": "90 % interval"}
            parts.append(Table(table, "", formats, known_as, wide=False))
    return parts


def _made(
    models: pd.DataFrame, splitting: SplittingSettings, provenance: dict[str, str]
) -> list[Text | Table]:
    split = ", ".join(f"{key} {value}" for key, value in splitting.model_dump().items())
    facts = {"split": split, **provenance}
    names = {"git_revision": "revision of the code", "time": "report written"}
    rows = [{"what": names.get(key, key), "value": value} for key, value in facts.items()]
    return [
        Table(pd.DataFrame(rows), headings={"what": "", "value": ""}),
        Table(models, "All settings of the final models."),
    ]


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else str(value)
