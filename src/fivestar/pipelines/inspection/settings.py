"""What to look at in a trained model, and how."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt

from fivestar.analysis.maps import Method
from fivestar.pipelines.seed import Seed
from fivestar.pipelines.settings import Settings
from fivestar.pipelines.texts import Texts


class InspectionSettings(Settings):
    """Settings of the pipeline, as conf/base/parameters_inspection.yml explains them."""

    items: Texts
    n_neighbours: Annotated[int, Ge(1)]
    min_ratings: Annotated[int, Ge(1)]
    map: Method
    map_items: Annotated[int, Ge(2)]
    perplexity: Annotated[float, Gt(0)]
    n_factors: Annotated[int, Ge(1)]
    n_extremes: Annotated[int, Ge(1)]
    reference: str | None
    seed: Seed
