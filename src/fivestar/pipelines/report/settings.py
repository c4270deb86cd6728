"""What the report tells of people."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from pydantic import BaseModel, ConfigDict

from fivestar.pipelines.texts import Texts


class ReportSettings(BaseModel):
    """Settings of the pipeline ``report``.

    Parameters
    ----------
    users
        Ids of the people in it; none: three of train, with few, middling and many ratings.
    n
        Items in each of their lists.
    min_ratings
        Items with fewer ratings are in no list of predictions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    users: Texts = []
    n: Annotated[int, Ge(1)] = 5
    min_ratings: Annotated[int, Ge(0)] = 20
