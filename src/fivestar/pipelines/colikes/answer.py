"""The answer to "because you like"."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from fivestar.colikes.search import Titles, nearest, split_year
from fivestar.errors import InputError
from fivestar.pipelines.colikes.settings import ColikesSettings

logger = logging.getLogger(__name__)


def ask(embeddings: pd.DataFrame, settings: ColikesSettings) -> tuple[dict[str, Any], pd.DataFrame]:
    """What is liked by those who like the titles of ``because_you_like``.

    Returns
    -------
    answer
        ``because_you_like`` (each title as asked, as found, and what else it may have meant)
        and ``recommendations``.
    recommendations
        ``rank``, ``item``, ``title``, ``year``, ``cosine``, ``n_likes``.

    Raises
    ------
    InputError
        If a title is not found or liked by nobody; with suggestions.
    """
    shown, n_likes = _shown(embeddings), embeddings["n_likes"].to_numpy()
    liked, understood = _understand(settings.because_you_like, embeddings, shown)
    vectors = embeddings.filter(regex=r"^v\d+$").to_numpy()
    allowed = n_likes >= settings.min_likes
    positions, cosines = nearest(vectors, liked, allowed, settings.n_recommendations)
    recommendations = pd.DataFrame(
        {
            "rank": np.arange(1, len(positions) + 1),
            **embeddings.iloc[positions][["item", "title", "year", "n_likes"]],
            "cosine": cosines.astype("float64").round(4),
        }
    ).astype({"year": "Int64"})
    rows = [f"  {c:5.2f}  {shown[p]}" for p, c in zip(positions, cosines, strict=True)]
    logger.info(
        "%-24s %s:\n%s",
        *("because you like", " and ".join(shown[p] for p in liked)),
        "\n".join(rows) or f"  nothing else has {settings.min_likes} likes",
    )
    listed = recommendations.astype(object).where(recommendations.notna(), None)
    answer = {"because_you_like": understood, "recommendations": listed.to_dict("records")}
    return answer, recommendations


def _understand(
    asked: list[str], embeddings: pd.DataFrame, shown: list[str]
) -> tuple[list[int], list[dict[str, Any]]]:
    """Positions of the titles that are meant, and how they were understood."""
    n_likes = embeddings["n_likes"].tolist()
    if not asked:
        most = int(np.argmax(n_likes))
        return [most], [{"asked": None, "found": shown[most], "others": []}]
    titles = Titles(embeddings["title"].tolist(), embeddings["year"].tolist(), n_likes)
    liked, understood, mistakes = [], [], []
    for title in asked:
        found = titles.find(title)
        if not found.fitting:
            near = ", ".join(shown[p] for p in found.suggestions)
            advice = f"did you mean one of: {near}?" if near else "nothing is like it."
            mistakes.append(f"{title!r}: no such title; {advice}")
            continue
        meant, *others = found.fitting
        if n_likes[meant] == 0:
            mistakes.append(f"{title!r}: nobody in train likes {shown[meant]}, so nothing tells.")
            continue
        liked.append(meant)
        understood.append(
            {"asked": title, "found": shown[meant], "others": [shown[p] for p in others]}
        )
        others_shown = "; ".join(shown[p] for p in others)
        note = f" (not {others_shown})" if others else ""
        logger.info("%-24s %r is %s%s", "because you like", title, shown[meant], note)
    if mistakes:
        raise InputError("colikes.because_you_like: " + "\n  ".join(mistakes))
    return list(dict.fromkeys(liked)), understood


def _shown(embeddings: pd.DataFrame) -> list[str]:
    """Titles with their year, as people write them."""
    return [
        title if pd.isna(year) or split_year(title)[1] else f"{title} ({year:.0f})"
        for title, year in zip(embeddings["title"], embeddings["year"], strict=True)
    ]
