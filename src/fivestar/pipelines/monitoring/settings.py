"""How new ratings are compared, and how much drift is too much."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Lt

from fivestar.pipelines.settings import Settings

Limit = Annotated[float, Gt(0)]


class Limits(Settings):
    """The drift from which on each check says ``retrain``, see conf/base/parameters_monitoring.yml."""

    stars: Limit
    popularity: Limit
    unknown_users: Limit
    unknown_items: Limit
    rmse: Limit
    latest_rmse: Limit
    mean_error: Limit
    coverage: Limit
    reliability: Limit


class MonitoringSettings(Settings):
    """Settings of the pipeline, as conf/base/parameters_monitoring.yml explains them."""

    n_windows: Annotated[int, Ge(1)]
    confidence: Annotated[float, Gt(0), Lt(1)]
    n_resamples: Annotated[int, Ge(999)]
    n_draws: Annotated[int, Ge(100)]
    seed: int
    limits: Limits
