"""The parts of the report that no other pipeline makes, and the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from fivestar.models import Model
from fivestar.pipelines.report.users import BEST, COVERAGE, RATED, WORST
from fivestar.pipelines.splitting.settings import SplittingSettings
from fivestar.ratings import TrainingData
from fivestar.reporting.page import Picture, Section, Table, Text, render

FOUR, TWO = "{:.4f}".format, "{:.2f}".format
HEADINGS = {
    **{f"{split}_rmse": f"{split} RMSE" for split in ("validation", "test", "train")},
    **{f"{split}_mae": f"{split} MAE" for split in ("validation", "test")},
    "differs_from_champion": "differs from first",
    "n_parameters": "free parameters",
    "fit_seconds": "fit, seconds",
}
RANKED = (
    "Models are ranked by their error on validation ratings, which they were not trained on. "
    "Test ratings are read once, to report, by models trained again on train and validation. "
    "A test RMSE differs from the first model's if the difference is significant, adjusted for "
    "all pairs of models."
)
LISTS = {
    RATED: "What they rated highest",
    BEST: "Best of what they have not rated",
    WORST: "Worst of what they have not rated",
}


class Shown(NamedTuple):
    """Something that the report shows: a chart, a table, or a list of parts of a page."""

    dataset: str
    """Its name in the pipeline."""
    caption: str = ""
    wide: bool = False
    """Whether it takes the page's whole width."""


def show_leaderboard(leaderboard: pd.DataFrame) -> list[Text | Table]:
    """All columns of which something is known; the chart beside shows the intervals."""
    known = leaderboard.drop(columns=["test_rmse_low", "test_rmse_high"])
    known = known.dropna(axis="columns", how="all")
    formats = {name: FOUR for name in HEADINGS if name.endswith(("rmse", "mae"))}
    formats["fit_seconds"] = "{:.1f}".format
    return [Text([RANKED]), Table(known, "", formats, HEADINGS)]


def show_users(users: pd.DataFrame) -> list[Text | Table]:
    """A sentence and three tables of each user."""
    formats = {"rating": "{:g}".format, "prediction": TWO}
    headings = {"rating": "gave", "prediction": "predicted"}
    headings["interval"] = f"{100 * COVERAGE:.0f} % interval"
    low, high = (users[end].map("{:.1f}".format) for end in ("low", "high"))
    has_interval = users["low"].notna() & (users["list"] != RATED)
    users = users.assign(interval=(low + " to " + high).where(has_interval))
    parts: list[Text | Table] = []
    for user, own in users.groupby("user", sort=False):
        n_ratings, mean, model = own[["user_ratings", "user_mean", "model"]].iloc[0]
        parts.append(
            Text([f"User {user}: {n_ratings:,} ratings, {mean:.2f} on average. Lists by {model}."])
        )
        for name, title in LISTS.items():
            table = own.loc[own["list"] == name, ["title", "rating", "prediction", "interval"]]
            known = table.dropna(axis="columns", how="all")
            parts.append(Table(known, "", formats, {**headings, "title": title}, wide=False))
    return parts


def describe_models(trained_models: Mapping[str, Model], leaderboard: pd.DataFrame) -> pd.DataFrame:
    """``model``, ``family`` and all ``settings`` of the final models, the best model first."""
    rows = []
    for name in leaderboard["model"]:
        if name in trained_models:
            model = trained_models[name]
            settings = ", ".join(f"{key} {_plain(value)}" for key, value in model.settings.items())
            rows.append({"model": name, "family": model.family, "settings": settings})
    return pd.DataFrame(rows, columns=["model", "family", "settings"])


def describe_run(
    data: TrainingData, splitting: SplittingSettings, provenance: dict[str, str]
) -> Table:
    """Which data it was, how they were split, the code, the machine and the time."""
    split = ", ".join(f"{key} {value}" for key, value in splitting.model_dump().items())
    facts = {
        "data": data.place,
        "fingerprint of the split": data.fingerprint,
        "split": split,
        **provenance,
    }
    names = {"git_revision": "revision of the code", "time": "report written"}
    rows = [{"what": names.get(key, key), "value": value} for key, value in facts.items()]
    return Table(pd.DataFrame(rows), headings={"what": "", "value": ""})


def gather(*, title: str, shown: list[Shown], **values: Any) -> Section:
    """A section of what is shown in it; charts without data are left out.

    Parameters
    ----------
    shown
        In this order.
    values
        By the name of the dataset.
    """
    parts: list[Text | Table | Picture] = []
    for each in shown:
        match values[each.dataset]:
            case list() as several:
                parts += several
            case Text() | Table() as part:
                parts.append(part)
            case pd.DataFrame() as frame:
                parts.append(Table(frame, each.caption, wide=each.wide))
            case chart:
                name = each.dataset.removesuffix("_chart")
                picture = Picture(chart, each.caption, name, each.wide)
                parts += [] if picture.empty else [picture]
    return Section(title, parts)


def introduce(data: TrainingData, leaderboard: pd.DataFrame) -> tuple[str, str]:
    """The title, and a sentence: which data the report is of, and the best model."""
    champion = leaderboard.iloc[0]
    lead = (
        f"{data.title}: {data.ratings.nnz:,} ratings to learn from. The best of "
        f"{len(leaderboard)} models is {champion['model']}, with an RMSE of "
        f"{champion['validation_rmse']:.4f} on validation"
    )
    if pd.notna(champion["test_rmse"]):
        lead += f" and {champion['test_rmse']:.4f} on test"
    return f"Fivestar: {data.place}", f"{lead}."


def write_report(heading: tuple[str, str], **sections: Section) -> str:
    """The page, out of what this and other pipelines have made."""
    return render(*heading, list(sections.values()))


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else str(value)
