"""Whose recommendations the report shows."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from fivestar.pipelines.settings import Settings
from fivestar.pipelines.texts import Texts


class ReportSettings(Settings):
    """Settings of the pipeline ``report``.

    Parameters
    ----------
    users
        Ids; none: three users with few, middling and many ratings.
    n
        Items in each of their lists.
    min_ratings
        Items with fewer ratings are in no list of predictions.
    """

    users: Texts
    n: Annotated[int, Ge(1)]
    min_ratings: Annotated[int, Ge(0)]
