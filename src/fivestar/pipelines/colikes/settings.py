"""What a like is, what is learnt from likes, and what is asked."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from fivestar.pipelines.seed import Seed
from fivestar.pipelines.settings import Settings
from fivestar.pipelines.texts import Texts
from fivestar.ratings import Scale

Rates = list[Annotated[float, Gt(0)]]


class Learning(Settings):
    """The settings that vectors depend on: what is asked later does not make them stale."""

    liked_share: Annotated[float, Gt(0), Le(1)]
    liked_from: float | None
    rank: Annotated[int, Ge(1)]
    n_epochs: Annotated[int, Ge(1)]
    momentum: Annotated[float, Ge(0), Lt(1)]
    learning_rates: Annotated[dict[Literal["adam", "sgd"], Rates], MinLen(1)]
    init_scale: Annotated[float, Gt(0)]
    seed: Seed

    def min_liked(self, scale: Scale) -> float:
        """The lowest rating that is a like."""
        fraction = self.liked_share * scale.highest
        return fraction if self.liked_from is None else self.liked_from


class ColikesSettings(Learning):
    """Settings of the pipeline ``colikes``, as conf/base/parameters_colikes.yml explains them."""

    because_you_like: Texts
    n_recommendations: Annotated[int, Ge(1)]
    min_likes: Annotated[int, Ge(1)]
