"""Which items the page holds, and which it recommends."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from fivestar.pipelines.settings import Settings


class TryPageSettings(Settings):
    """Settings of the pipeline, as conf/base/parameters_try_page.yml explains them."""

    n_items: Annotated[int, Ge(1)]
    min_ratings: Annotated[int, Ge(0)]
