"""What a like is, what is learnt from likes, and what is asked."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, ConfigDict

from fivestar.pipelines.texts import Texts
from fivestar.ratings import Scale

Optimizer = Literal["adam", "sgd"]
Rate = Annotated[float, Gt(0)]


class ColikesSettings(BaseModel):
    """Settings of the pipeline ``colikes``.

    Parameters
    ----------
    liked_share, liked_from
        A like is a rating of this share of the highest star, or, where ``liked_from`` is given,
        of this number of stars, or more.
    rank
        Length of an item's vector.
    n_epochs
        Of each run of the grid.
    momentum
        Of ``sgd``.
    learning_rates
        The grid: each optimiser's rates, of counts with a largest eigenvalue of 1.
    init_scale
        Size of the first random vectors, as a share of those learnt, about.
    seed
        Of these.
    because_you_like
        Titles; none: the one that most people like.
    n_recommendations
        Items in the answer.
    min_likes
        Items with fewer are not recommended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    liked_share: Annotated[float, Gt(0), Le(1)] = 0.8
    liked_from: float | None = None
    rank: Annotated[int, Ge(1)] = 50
    n_epochs: Annotated[int, Ge(1)] = 100
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    learning_rates: Annotated[dict[Optimizer, list[Rate]], MinLen(1)] = {
        "adam": [0.001, 0.003, 0.01],
        "sgd": [0.01, 0.03, 0.1],
    }
    init_scale: Annotated[float, Gt(0)] = 0.1
    seed: int = 42
    because_you_like: Texts = []
    n_recommendations: Annotated[int, Ge(1)] = 10
    min_likes: Annotated[int, Ge(1)] = 10

    def least_like(self, scale: Scale) -> float:
        """The least number of stars that is a like."""
        share = self.liked_share * scale.highest
        return share if self.liked_from is None else self.liked_from
