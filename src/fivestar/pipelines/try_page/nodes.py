"""What the page holds, and the page."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fivestar.analysis.blocks import predict_table, unbounded
from fivestar.errors import InputError
from fivestar.models import Model
from fivestar.models.solver import UserRegression
from fivestar.pipelines.try_page.choosing import MAX_RATINGS, regression_of
from fivestar.pipelines.try_page.packing import packed, unpacked
from fivestar.pipelines.try_page.questions import beliefs_of, question_data
from fivestar.pipelines.try_page.settings import TryPageSettings
from fivestar.ratings import Indices, TrainingData, csr_matrix, observed

logger = logging.getLogger(__name__)

CLOSE = 1e-3
"""Largest difference from the predictions of ``Model.fold_in``, in ratings."""
N_CHECKED = 50
"""Users whose predictions are compared."""
MAX_LEVELS = 11
"""Different ratings that are shown as so many stars."""
SCRIPTS = ("regression.js", "questions.js", "search.js", "elements.js", "page.js")


def make_contents(
    chosen_name: str,
    chosen_model: Model,
    leaderboard: pd.DataFrame,
    data: TrainingData,
    items: pd.DataFrame,
    settings: TryPageSettings,
) -> dict[str, Any]:
    """All that the page knows, as plain values; items are numbered by their popularity.

    Raises
    ------
    InputError
        If the page could not repeat the model's predictions.
    """
    regression = regression_of(chosen_model)
    assert regression is not None, "choose_regression takes no other model"
    known = np.flatnonzero(chosen_model.known_items)
    n_ratings = items["n_ratings"].to_numpy()
    shown = known[np.argsort(-n_ratings[known], kind="stable")][: settings.n_items]
    if len(shown) < len(known):
        logger.info("try_page: the %s most rated of %s items", f"{len(shown):,}", f"{len(known):,}")
    of_shown = replace(regression, base=regression.base[shown], design=regression.design[shown])
    text = packed(np.column_stack([of_shown.design, of_shown.base]))
    difference = largest_difference(chosen_model, data, shown, of_shown, unpacked(text))
    logger.info("try_page: %s, predictions differ by %.6f at the most", chosen_name, difference)
    if not difference < CLOSE:
        raise InputError(
            f"try_page: predictions in the page would differ from those of {chosen_name} by "
            f"{difference:.4f}. Name another model: --params model=als"
        )
    n_users = int(np.count_nonzero(np.diff(data.ratings.indptr)))
    return {
        **describe(chosen_name, chosen_model, leaderboard, data),
        "min_ratings": settings.min_ratings,
        "ids": items["item"].iloc[shown].tolist(),
        "titles": items["title"].fillna(items["item"]).iloc[shown].tolist(),
        "years": [None if pd.isna(year) else int(year) for year in items["year"].iloc[shown]],
        "n_ratings": n_ratings[shown].tolist(),
        "items": text,
        "penalty": penalty_by_count(regression.penalty),
        "questions": question_data(beliefs_of(of_shown, n_ratings[shown], n_users)),
    }


def describe(
    name: str, model: Model, leaderboard: pd.DataFrame, data: TrainingData
) -> dict[str, Any]:
    """The model, its error, its data, and what ratings may be."""
    error = leaderboard.set_index("model")["validation_rmse"].get(name)
    return {
        "model": name,
        "error": None if error is None or pd.isna(error) else round(float(error), 4),
        "data": data.title,
        "n_trained_on": int(data.ratings.nnz),
        "ends": model.ends.tolist() if model.clamp else None,
        "whole_stars": model.whole_stars,
        "levels": levels_of(data),
    }


def levels_of(data: TrainingData) -> list[float]:
    """What can be given: the ratings that there are, or even steps where these are too many."""
    levels = np.unique(data.ratings.data).astype(np.float64)
    if not 1 < len(levels) <= MAX_LEVELS:
        levels = np.linspace(data.scale.lowest, data.scale.highest, MAX_LEVELS)
    return [round(level, 3) for level in levels.tolist()]


def penalty_by_count(penalty: NDArray[np.floating]) -> dict[str, Any]:
    """The penalty of each unknown, by the number of ratings: most unknowns share theirs."""
    different, group = np.unique(penalty, axis=1, return_inverse=True)
    return {"values": different.tolist(), "group": group.ravel().tolist()}


def largest_difference(
    model: Model,
    data: TrainingData,
    shown: Indices,
    regression: UserRegression,
    matrix: NDArray[np.float32],
) -> float:
    """How far the page's predictions are from those of ``fold_in``, for some users as if new.

    Parameters
    ----------
    shown
        Indices of the page's items.
    regression
        Of these items; its penalties are by number of ratings.
    matrix
        (n_shown, size + 1), design and base as the page reads them.
    """
    drawn = np.random.default_rng(0).permutation(data.ratings.shape[0])[:N_CHECKED]
    users, items, ratings = observed(data.ratings[np.sort(drawn)][:, shown])
    first = pd.Series(users).groupby(users).cumcount().to_numpy() < MAX_RATINGS
    users, items, ratings = users[first], items[first], ratings[first]
    counts = np.bincount(users, minlength=len(drawn))
    of_page = replace(
        regression,
        ratings=csr_matrix(users, items, ratings, (len(drawn), len(shown))),
        base=matrix[:, -1],
        design=matrix[:, :-1],
        penalty=regression.penalty[counts],
    )
    predicted = of_page.base + of_page.solve() @ of_page.design.T
    own = csr_matrix(users, shown[items], ratings, (len(drawn), model.n_items))
    exact = predict_table(unbounded(model.fold_in(own)), np.arange(len(drawn)), shown)
    return float(np.abs(predicted - exact).max())


def write_page(contents: dict[str, Any]) -> str:
    """One HTML file that needs no network."""
    folder = files("fivestar.pipelines.try_page").joinpath("page")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(folder.joinpath("page.html.jinja").read_text("utf-8"))
    text = json.dumps(contents, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return template.render(
        contents=text.replace("<", "\\u003c"),  # no title can end the script element
        about=contents,
        style=folder.joinpath("page.css").read_text("utf-8"),
        scripts=[folder.joinpath(name).read_text("utf-8") for name in SCRIPTS],
    )
