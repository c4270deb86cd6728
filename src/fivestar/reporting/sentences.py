"""Recommendations and their reasons as people read them in a log."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fivestar.analysis.explanation import NEAREST, OTHERS, OWN_RATING
from fivestar.ratings.titles import shown_titles

MAX_REASONS = 3
"""That a sentence gives."""


def lines(own: pd.DataFrame) -> str:
    """The recommendations of one user, a line each, with ``lower`` and ``upper`` if known."""
    titles = shown_titles(own, pd.Index(own["item"]))
    numbers = own[["rank", "prediction", "lower", "upper"]].to_numpy(dtype=float)
    written = []
    for (rank, rating, lower, upper), title in zip(numbers, titles, strict=True):
        likely = "" if np.isnan(lower) else f"  {lower:3.2g} to {upper:<3.2g}"
        written.append(f"  {rank:4.0f}  {rating:5.2f}{likely}  {title}")
    return "\n".join(written)


def sentence(reasons: pd.DataFrame) -> str:
    """The reasons for one item in one line: own ratings, or else the nearest items."""
    head = reasons.iloc[0]
    (title,) = shown_titles(reasons, pd.Index([head["item"]]))
    text = f"{title} for {head['user']}: {head['prediction']:.2f}"
    own = reasons[reasons["kind"] == OWN_RATING]
    told = (own if len(own) else reasons[reasons["kind"] == NEAREST]).head(MAX_REASONS)
    given = [f"{r.reason_title} {r.rating:g}" for r in told.itertuples()]
    if own.empty:
        return f"{text}, closest of what you rated: {', '.join(given)}" if given else text
    parts = [f"{title} ({by:+.2f})" for title, by in zip(given, told["value"], strict=True)]
    if reasons["kind"].eq(OTHERS).any() or len(own) > len(told):
        rest = head["explained"] - head["base"] - told["value"].sum()
        parts.append(f"others ({rest:+.2f})")
    return f"{text}, from {head['base']:.2f} because you gave {', '.join(parts)}"
