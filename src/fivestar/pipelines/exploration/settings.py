"""How much the charts of the training ratings show."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from fivestar.pipelines.seed import Seed
from fivestar.pipelines.settings import Settings


class ExplorationSettings(Settings):
    """Settings of the pipeline, as conf/base/parameters_exploration.yml explains them."""

    n_users: Annotated[int, Ge(1)]
    n_items: Annotated[int, Ge(1)]
    most_categories: Annotated[int, Ge(2)]
    seed: Seed
