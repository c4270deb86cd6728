"""How ratings are held out."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Gt, Lt

from fivestar.pipelines.seed import Seed
from fivestar.pipelines.settings import Settings


class SplittingSettings(Settings):
    """How ratings are held out.

    Parameters
    ----------
    method
        ``stratified`` by item; ``random``; ``time``: the latest ratings of each user;
        ``per_user``: a random share of each user's ratings.
    test_share
        Of all ratings, where the data set ships no test split.
    validation_share
        Of what the test split leaves.
    half_life_days
        A rating so many days older than another counts half as much, in models that use sample
        weights; None: age does not count.
    seed
        Of the random choices.
    """

    method: Literal["stratified", "random", "time", "per_user"]
    test_share: Annotated[float, Gt(0), Lt(1)]
    validation_share: Annotated[float, Gt(0), Lt(1)]
    half_life_days: Annotated[float, Gt(0)] | None = None
    seed: Seed
