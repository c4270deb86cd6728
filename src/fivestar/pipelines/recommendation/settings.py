"""What to recommend, to whom, and how lists are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BeforeValidator

from fivestar.errors import InputError
from fivestar.pipelines.seed import Seed
from fivestar.pipelines.settings import Settings
from fivestar.pipelines.texts import Texts


def _ratings(given: Any) -> Any:
    """Pairs of a title and its rating, out of ``Toy Story=5; Alien=4`` or of a mapping."""
    if isinstance(given, Mapping):
        return [(str(title), str(rating)) for title, rating in given.items()]
    if not isinstance(given, str):
        return given
    pairs = []
    for part in given.split(";"):
        title, sign, rating = part.rpartition("=")
        if sign:
            pairs.append((title.strip(), rating.strip()))
        elif part.strip():
            raise InputError(
                f"recommendation.new_user: {part.strip()!r} is no title with a rating. Write "
                '--params "recommendation.new_user=Toy Story=5; Alien=4"; leave out the commas '
                "of a title there, or give a file: --params new_users_file=my.csv"
            )
    return pairs


class ExplainSettings(Settings):
    """Users explained where everybody gets recommendations; reasons and factors of an item."""

    users: Annotated[int, Ge(0)]
    reasons: Annotated[int, Ge(1)]
    factors: Annotated[int, Ge(0)]


class PredictionMatrixSettings(Settings):
    """The size above which the matrix of all predictions is left out."""

    max_megabytes: Annotated[float, Ge(0)]


class RankingSettings(Settings):
    """Models measured beside the chosen one, what is relevant to a user, and a draw of users."""

    beside: list[str] | Literal["all"]
    liked_share: Annotated[float, Gt(0), Le(1)]
    at_most_users: Annotated[int, Ge(1)]
    seed: Seed


class RecommendationSettings(Settings):
    """Settings of the pipeline ``recommendation``, explained in its YAML file.

    A handful of lucky ratings makes an item the best of all for the weaker models: hence
    ``min_ratings``. (On the demo's validation split the nDCG of the lists of ``als`` is 0.071
    at 0, 0.079 at 5, 0.100 at 10 and 0.101 at 20.) At 0 a model that knows items by their
    features recommends new ones too.
    """

    users: Texts
    n: Annotated[int, Ge(1)]
    min_ratings: Annotated[int, Ge(0)]
    coverage: Annotated[float, Gt(0), Lt(1)]
    new_user: Annotated[list[tuple[str, str]], BeforeValidator(_ratings)]
    explain: ExplainSettings
    prediction_matrix: PredictionMatrixSettings
    ranking: RankingSettings
