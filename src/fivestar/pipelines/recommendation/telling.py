"""Recommendations and their reasons as the log tells them."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from fivestar.analysis.explanation import NEAREST, OTHERS, OWN_RATING
from fivestar.recommender import Recommender

logger = logging.getLogger(__name__)

READ_OUT = 3
"""Items whose reasons are told, and reasons of each."""


def tell_lists(table: pd.DataFrame, recommender: Recommender, n_users: int) -> None:
    """The recommendations of the first users."""
    for user in table["user"].unique()[:n_users]:
        own = table[table["user"] == user]
        titles = recommender.shown(own["item"])
        numbers = own[["rank", "prediction", "lower", "upper"]].to_numpy()
        lines = []
        for (rank, rating, lower, upper), title in zip(numbers, titles, strict=True):
            likely = "" if np.isnan(lower) else f"  {lower:3.2g} to {upper:<3.2g}"
            lines.append(f"  {rank:4.0f}  {rating:5.2f}{likely}  {title}")
        logger.info("recommendation: user %s\n%s", user, "\n".join(lines))


def tell_reasons(table: pd.DataFrame, recommender: Recommender) -> None:
    """Why the first user gets their first items, and how exact contributions are."""
    if table.empty:
        return
    first = table[table["user"] == table["user"].iloc[0]]
    for item in first["item"].unique()[:READ_OUT]:
        logger.info("explanation: %s", sentence(first[first["item"] == item], recommender))
    if (table["kind"] == OWN_RATING).any():
        each = table.drop_duplicates(["user", "item"])
        off = (each["explained"].clip(*recommender.trained.ends) - each["prediction"]).abs()
        logger.info(
            "explanation: contributions sum to the prediction up to %.3f (median), %.3f at the most",
            *(off.median(), off.max()),
        )


def sentence(reasons: pd.DataFrame, recommender: Recommender) -> str:
    """The reasons for one item in one line: own ratings, or else the nearest items."""
    head = reasons.iloc[0]
    (title,) = recommender.shown([head["item"]])
    text = f"{title} for {head['user']}: {head['prediction']:.2f}"
    own = reasons[reasons["kind"] == OWN_RATING]
    shown = (own if len(own) else reasons[reasons["kind"] == NEAREST]).head(READ_OUT)
    given = [f"{r.reason_title} {r.rating:g}" for r in shown.itertuples()]
    if len(own):
        parts = [f"{a} ({by:+.2f})" for a, by in zip(given, shown["value"], strict=True)]
        if reasons["kind"].eq(OTHERS).any() or len(own) > len(shown):
            rest = head["explained"] - head["base"] - shown["value"].sum()
            parts.append(f"others ({rest:+.2f})")
        return f"{text}, from {head['base']:.2f} because you gave {', '.join(parts)}"
    return f"{text}, closest of what you rated: {', '.join(given)}" if given else text
