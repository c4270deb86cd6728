"""How much the pictures of the training ratings show."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from fivestar.pipelines.settings import Settings


class ExplorationSettings(Settings):
    """Settings of the pipeline ``exploration``.

    Parameters
    ----------
    n_users, n_items
        Of the crosstab: the most active users and the most rated items.
    most_categories
        Text with more different values than this is no category, such as names and zip codes;
        of lists of words, such as genres, the commonest are kept.
    seed
        Of samples, where there is too much to draw.
    """

    n_users: Annotated[int, Ge(1)]
    n_items: Annotated[int, Ge(1)]
    most_categories: Annotated[int, Ge(2)]
    seed: int
