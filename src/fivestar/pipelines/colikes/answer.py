"""The answer to "because you like"."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from fivestar.analysis.co_likes import nearest
from fivestar.errors import InputError
from fivestar.pipelines.colikes.settings import ColikesSettings
from fivestar.ratings.titles import Match, Titles, look_up

logger = logging.getLogger(__name__)


def ask(embeddings: pd.DataFrame, settings: ColikesSettings) -> tuple[dict[str, Any], pd.DataFrame]:
    """What is liked by those who like the titles of ``because_you_like``.

    Returns
    -------
    answer
        ``because_you_like`` (each title as asked, as found, and what else it may have meant)
        and ``recommendations``.
    recommendations
        ``rank``, ``item``, ``title``, ``year``, ``n_likes``, ``cosine``.

    Raises
    ------
    InputError
        If a title is not found or liked by nobody; with suggestions.
    """
    shown, n_likes = embeddings["shown"].tolist(), embeddings["n_likes"].to_numpy()
    matches = _understand(settings.because_you_like, embeddings)
    liked = list(dict.fromkeys(m.index for m in matches)) or [int(n_likes.argmax())]
    understood = [{"asked": m.asked, "found": m.found, "others": m.others} for m in matches]
    vectors = embeddings.filter(regex=r"^v\d+$").to_numpy()
    allowed = n_likes >= settings.min_likes
    found, cosines = nearest(vectors, liked, allowed, settings.n_recommendations)
    recommendations = embeddings.iloc[found][["item", "title", "year", "n_likes"]].assign(
        cosine=cosines.astype("float64").round(4)
    )
    recommendations.insert(0, "rank", range(1, len(found) + 1))
    recommendations = recommendations.astype({"year": "Int64"})
    rows = [f"  {c:5.2f}  {shown[index]}" for index, c in zip(found, cosines, strict=True)]
    logger.info(
        "because you like: %s:\n%s",
        " and ".join(shown[index] for index in liked),
        "\n".join(rows) or f"  nothing else has {settings.min_likes} likes",
    )
    listed = recommendations.astype(object).where(recommendations.notna(), None)
    return {
        "because_you_like": understood or [{"asked": None, "found": shown[liked[0]], "others": []}],
        "recommendations": listed.to_dict("records"),
    }, recommendations


def _understand(asked: list[str], embeddings: pd.DataFrame) -> list[Match]:
    """The items that are meant; all mistakes are one error."""
    shown, n_likes = embeddings["shown"].tolist(), embeddings["n_likes"].tolist()
    matches, mistakes = look_up(asked, Titles(shown, embeddings["year"].tolist(), n_likes), shown)
    mistakes += [
        f"{match.asked!r}: nobody in train likes {match.found}, so nothing tells."
        for match in matches
        if n_likes[match.index] == 0
    ]
    if mistakes:
        raise InputError("colikes.because_you_like: " + "\n  ".join(mistakes))
    for match in matches:
        note = f" (not {'; '.join(match.others)})" if match.others else ""
        logger.info("because you like: %r is %s%s", match.asked, match.found, note)
    return matches
