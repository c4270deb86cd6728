"""How new ratings are compared, and how much drift is too much."""

from __future__ import annotations

from typing import Annotated, Self

from annotated_types import Ge, Gt, Lt
from pydantic import model_validator

from fivestar.pipelines.settings import Settings

Limit = Annotated[float, Gt(0)]


class Limits(Settings):
    """The drift beyond which each check says ``retrain``; the parameters file explains them."""

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

    @model_validator(mode="after")
    def _enough_resamples(self) -> Self:
        # The checks of single stars share the error among 20 levels at the most.
        if round((1 - self.confidence) * (self.n_resamples + 1) / 20, 6) < 1:
            raise ValueError(
                f"{self.n_resamples} n_resamples are too few for a confidence of "
                f"{self.confidence}: set {20 / (1 - self.confidence):.0f} or more"
            )
        return self
