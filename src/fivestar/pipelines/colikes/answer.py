"""The answer to "because you like"."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from fivestar.analysis.co_likes.nearest import nearest
from fivestar.errors import InputError
from fivestar.pipelines.colikes.settings import ColikesSettings
from fivestar.ratings.titles import Titles, look_up, shown_titles

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
    shown = shown_titles(embeddings, pd.Index(embeddings["item"]))
    n_likes = embeddings["n_likes"].to_numpy()
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
    matches, mistakes = look_up(asked, titles, shown)
    mistakes += [
        f"{match.asked!r}: nobody in train likes {match.found}, so nothing tells."
        for match in matches
        if n_likes[match.position] == 0
    ]
    if mistakes:
        raise InputError("colikes.because_you_like: " + "\n  ".join(mistakes))
    for match in matches:
        note = f" (not {'; '.join(match.others)})" if match.others else ""
        logger.info("%-24s %r is %s%s", "because you like", match.asked, match.found, note)
    understood = [{"asked": m.asked, "found": m.found, "others": m.others} for m in matches]
    return list(dict.fromkeys(match.position for match in matches)), understood
