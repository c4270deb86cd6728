"""Why these items: the reasons as a table, and in a sentence."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from scipy import sparse

from fivestar.analysis.explanation import (
    FACTOR,
    NEAREST,
    OTHERS,
    OWN_RATING,
    REASONS,
    Explainer,
)
from fivestar.analysis.top_n import can_be_recommended
from fivestar.models import Model
from fivestar.pipelines.recommendation.nodes import count_ratings
from fivestar.pipelines.recommendation.settings import RecommendationSettings
from fivestar.pipelines.recommendation.tables import COLUMNS as TYPES
from fivestar.pipelines.recommendation.tables import Catalogue, empty
from fivestar.ratings import Vocabulary, merge
from fivestar.ratings.titles import shown_titles

logger = logging.getLogger(__name__)

COLUMNS = {
    **{name: TYPES[name] for name in ("user", "rank", "item", "title", "year", "prediction")},
    **{"explained": "float64", "base": "float64", "kind": "str", "place": "int64"},
    **{"reason": "str", "reason_title": "str", "rating": "float64", "value": "float64"},
}
TYPICAL = 3
"""Items that stand for a factor."""
READ_OUT = 3
"""Items whose reasons the log tells, and reasons of each."""


def explain(
    model: Model,
    recommendations: pd.DataFrame,
    train_matrix: sparse.csr_array,
    validation_matrix: sparse.csr_array,
    vocabulary: dict[str, list[str]],
    items: pd.DataFrame,
    settings: RecommendationSettings,
) -> pd.DataFrame:
    """The reasons for the recommendations of the users asked for, or else of the first ones.

    Returns
    -------
    See ``explain_people``.
    """
    ids = Vocabulary.from_dict(vocabulary)
    users = recommendations["user"].drop_duplicates()
    if not settings.users:
        users = users.head(settings.explain.users)
    positions = ids.users.get_indexer(pd.Index(users))
    n_ratings = count_ratings(train_matrix, validation_matrix)
    candidates, _, _ = can_be_recommended(model, n_ratings, settings.min_ratings)
    explain = settings.explain
    explainer = Explainer(model, candidates, explain.reasons, explain.factors)
    catalogue = Catalogue(items, ids.items)
    listed = recommendations[recommendations["user"].isin(users)]
    table = explain_people(
        explainer,
        listed,
        merge(train_matrix[positions], validation_matrix[positions]),
        dict(zip(users, positions.tolist(), strict=True)),
        catalogue,
    )
    tell(table, items, model, "user ")
    return table


def explain_people(
    explainer: Explainer,
    recommendations: pd.DataFrame,
    ratings: sparse.csr_array,
    positions: dict[str, int],
    catalogue: Catalogue,
) -> pd.DataFrame:
    """Reasons of every recommendation, one a row.

    Parameters
    ----------
    recommendations
        Of these people, as ``recommendation_table`` makes them.
    ratings
        (n_people, n_items), what each has rated.
    positions
        Of the people in the model, by id, in the order of the rows of ``ratings``.

    Returns
    -------
    ``user``, ``rank``, ``item``, ``title``, ``year``, ``prediction`` as recommended;
    ``explained`` and ``base``, the sum of all contributions and what it starts from, missing
    of models that give none; and a reason, the ``place``-th of its ``kind``:

    - ``own rating``: ``reason`` is the item that was rated, ``value`` what this adds, stars;
    - ``other ratings``: what all other own ratings add; ``reason`` is their number;
    - ``nearest``: a rated item, ``value`` the cosine of its vector with the item's;
    - ``factor``: ``reason`` is its number, ``reason_title`` names items that lie on the same
      side of it as the recommended one, ``value`` the product of user and item.
    """
    rows: list[dict[str, object]] = []
    by_user = dict(tuple(recommendations.groupby("user", sort=False)))
    for row, (user, position) in enumerate(positions.items()):
        if user not in by_user:
            continue
        own = ratings[[row]]
        wanted = catalogue.ids.get_indexer(pd.Index(by_user[user]["item"]))
        rated = own.indices.astype(np.intp)
        reasons = explainer.explain(position, rated, own.data, wanted)
        rows += [{**reason, "user": user} for reason in reasons]
    if not rows:
        return empty(COLUMNS)
    table = pd.DataFrame(rows, columns=REASONS)
    items = table["item"].to_numpy(dtype=np.intp)
    table["item"] = pd.Series(catalogue.ids[items], dtype="str")
    names = [
        _names(explainer, catalogue, *about)
        for about in zip(table["kind"], table["reason"], items.tolist(), strict=True)
    ]
    table["reason"], table["reason_title"] = zip(*names, strict=True)
    about = recommendations[["user", "rank", "item", "title", "year", "prediction"]]
    table = table.astype({"user": "str"}).merge(about, on=["user", "item"], how="left")
    return table[list(COLUMNS)].astype(COLUMNS)


def tell(table: pd.DataFrame, items: pd.DataFrame, model: Model, who: str = "") -> None:
    """Say why the first user gets their first items, and how exact contributions are."""
    if table.empty:
        logger.info("%-24s %s gives no reasons", "explanation", model.family)
        return
    first = table[table["user"] == table["user"].iloc[0]]
    for rank in sorted(first["rank"].unique())[:READ_OUT]:
        reasons = first[first["rank"] == rank]
        logger.info("%-24s %s", "explanation", sentence(reasons, items, who))
    if (table["kind"] == OWN_RATING).any():
        each = table.drop_duplicates(["user", "item"])
        lowest, highest = model.ends
        off = (each["explained"].clip(lowest, highest) - each["prediction"]).abs()
        logger.info(
            "%-24s contributions sum to the prediction up to %.3f stars (median), %.3f at the most",
            *("explanation", off.median(), off.max()),
        )


def sentence(reasons: pd.DataFrame, items: pd.DataFrame, who: str = "") -> str:
    """The reasons for one item in one line: own ratings, or else the nearest items.

    Parameters
    ----------
    who
        Written before the user's id.
    """
    head = reasons.iloc[0]
    (title,) = shown_titles(items, pd.Index([head["item"]]))
    text = f"{title} for {who}{head['user']}: {head['prediction']:.2f}"
    own = reasons[reasons["kind"] == OWN_RATING]
    near = reasons[reasons["kind"] == NEAREST].head(READ_OUT)
    shown = own.head(READ_OUT) if len(own) else near
    titles = shown_titles(items, pd.Index(shown["reason"]))
    given = [f"{name} {stars:g}" for name, stars in zip(titles, shown["rating"], strict=True)]
    if len(own):
        parts = [f"{a} ({by:+.2f})" for a, by in zip(given, shown["value"], strict=True)]
        rest = head["explained"] - head["base"] - shown["value"].sum()
        if reasons["kind"].eq(OTHERS).any() or len(own) > len(shown):
            parts.append(f"others ({rest:+.2f})")
        return f"{text}, from {head['base']:.2f} because you gave {', '.join(parts)}"
    return f"{text}, closest of what you rated: {', '.join(given)}" if given else text


def _names(
    explainer: Explainer, catalogue: Catalogue, kind: str, reason: int, item: int
) -> tuple[str, str]:
    """What a reason is called, and its title."""
    if kind == OTHERS:
        return str(reason), f"{reason} other ratings"
    if kind == FACTOR:
        typical = explainer.typical(reason, item, TYPICAL)
        return str(reason), "like " + "; ".join(catalogue.titles.iloc[typical])
    return str(catalogue.ids[reason]), str(catalogue.titles.iloc[reason])
